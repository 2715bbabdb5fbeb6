import { redisScript } from '../../redis/redis-script.js';

/** Removes users' sessions that have ended. */
export const REMOVE_ENDED = redisScript(
  'remove-ended',
  `
-- KEYS  for each user: the hash of the sessions, their ends
-- ARGV  1  now, in milliseconds since the epoch
--       2  how many to remove at most of each user
-- Answer: for each user the earliest end of those that are left, false if there are none
local answer = {}
for i = 1, #KEYS, 2 do
  local hash, ends = KEYS[i], KEYS[i + 1]
  local ids = redis.call('ZRANGEBYSCORE', ends, '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
  if #ids > 0 then
    redis.call('HDEL', hash, unpack(ids))
    redis.call('ZREM', ends, unpack(ids))
  end
  answer[(i + 1) / 2] = redis.call('ZRANGE', ends, 0, 0, 'WITHSCORES')[2] or false
end
return answer
`,
);
