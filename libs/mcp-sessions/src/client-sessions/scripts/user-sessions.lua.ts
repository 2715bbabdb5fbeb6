/**
 * What the scripts on users' sessions share. A user has two keys on one slot: a hash with the record of each session,
 * and a sorted set with the end of each. A record begins with `a` (active) or `p` (pending), a revision and the end.
 * A session whose end is not later than now does not exist.
 */
export const USER_SESSIONS_LUA = `
-- Status, revision and end.
local function headerOf(record)
  return string.match(record, '^(%S+) (%S+) (%S+)')
end

local function find(hash, id, now)
  local record = redis.call('HGET', hash, id)
  if not record then return false end
  local _, _, ending = headerOf(record)
  -- A damaged record is there: whoever reads it reports it.
  return (not ending or tonumber(ending) > tonumber(now)) and record
end

local function write(hash, ends, id, record)
  local _, _, ending = headerOf(record)
  redis.call('HSET', hash, id, record)
  redis.call('ZADD', ends, ending, id)
  -- Redis frees what nobody cleans up, an hour after the last session has ended: clocks differ.
  local last = redis.call('ZREVRANGE', ends, 0, 0, 'WITHSCORES')[2]
  local at = string.format('%.0f', tonumber(last) + 3600000)
  redis.call('PEXPIREAT', hash, at)
  redis.call('PEXPIREAT', ends, at)
end
`;
