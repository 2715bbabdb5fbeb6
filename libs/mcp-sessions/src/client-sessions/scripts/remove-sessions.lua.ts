import { redisScript } from '../../redis/redis-script.js';

/** Removes a session of a user, or those that have ended. */
export const REMOVE_SESSIONS = redisScript(
  'remove-sessions',
  `
-- KEYS  1  the hash of the user's sessions
--       2  their ends
-- ARGV  1  the session's encoded id, or empty: those that have ended
--       2  now, in milliseconds since the epoch
--       3  how many to remove at most
-- Answer: the earliest end of those that are left, or false if there are none
local ids = { ARGV[1] }
if ARGV[1] == '' then
  ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
end
if #ids > 0 then
  redis.call('HDEL', KEYS[1], unpack(ids))
  redis.call('ZREM', KEYS[2], unpack(ids))
end
return redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or false
`,
);
