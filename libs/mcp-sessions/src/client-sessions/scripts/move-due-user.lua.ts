import { redisScript } from '../../redis/redis-script.js';

/** Notes when a user is due next, unless somebody else has since the user was found due. */
export const MOVE_DUE_USER = redisScript(
  'move-due-user',
  `
-- KEYS  1  a part of the index of users by the earliest end of their sessions
-- ARGV  1  the encoded user id
--       2  the end that was found there
--       3  the next end, or empty: the user has no more sessions
-- Answer: 1 if the index was changed
local found = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not found or tonumber(found) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
return 1
`,
);
