/**
 * What the scripts on users' sessions share. A user has two keys on one slot: a hash with the record of each session,
 * and a sorted set with the end of each. A record's first line is its header: see `formatRecord` of
 * `redis-session-record.ts`. A session whose end is not later than now does not exist.
 */
export const USER_SESSIONS_LUA = `
-- Status, revision, end and sealer; nothing if the record is damaged.
local function headerOf(record)
  return string.match(record, '^([ap]) (%S+) (-?%d+%.?%d*) %S+ (%S+) %S+\\n')
end

-- The record of a session, and what its header says; nothing if there is none.
local function find(hash, id, now)
  local record = redis.call('HGET', hash, id)
  if not record then return end
  local status, revision, ending, sealer = headerOf(record)
  -- A damaged record is there: whoever reads it reports it.
  if ending and tonumber(ending) <= tonumber(now) then return end
  return record, status, revision, ending, sealer
end

-- Stores a record. former: the end that the session had, if there was one.
local function write(hash, ends, id, record, ending, former)
  redis.call('HSET', hash, id, record)
  if ending == former then return end
  redis.call('ZADD', ends, ending, id)
  -- Redis frees what nobody cleans up, half an hour or more after the last session has ended: clocks differ. That takes
  -- longer than all the rest, and so is done once in half an hour.
  local half = 1800000
  if former and math.floor(former / half) == math.floor(ending / half) then return end
  local last = redis.call('ZREVRANGE', ends, 0, 0, 'WITHSCORES')[2]
  local at = string.format('%.0f', tonumber(last) + 2 * half)
  redis.call('PEXPIREAT', hash, at)
  redis.call('PEXPIREAT', ends, at)
end
`;
