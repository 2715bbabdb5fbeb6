/**
 * What the scripts on a user's sessions share. A user has two keys on one slot: a hash with the record of each
 * session, and a sorted set with the end of each. A record is `a` (active) or `p` (pending), the revision (16
 * characters), and the session as text. A session without an end later than now does not exist.
 */
export const USER_SESSIONS_LUA = `
local hash, ends = KEYS[1], KEYS[2]

-- Redis frees what nobody cleans up, an hour after the last session has ended: clocks differ.
local function keepUntilLastEnd()
  local last = redis.call('ZREVRANGE', ends, 0, 0, 'WITHSCORES')[2]
  if not last then return end
  local at = string.format('%.0f', tonumber(last) + 3600000)
  redis.call('PEXPIREAT', hash, at)
  redis.call('PEXPIREAT', ends, at)
end

local function exists(id, now)
  local ending = redis.call('ZSCORE', ends, id)
  return ending and tonumber(ending) > tonumber(now)
end

local function write(id, record, ending)
  redis.call('HSET', hash, id, record)
  redis.call('ZADD', ends, ending, id)
  keepUntilLastEnd()
end

local function revisionOf(record)
  return string.sub(record, 2, 17)
end
`;
