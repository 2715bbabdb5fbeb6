import { redisScript } from '../../redis/redis-script.js';

/** Notes when users are due next, each unless somebody else has since the user was found due. */
export const MOVE_DUE_USERS = redisScript(
  'move-due-users',
  `
-- KEYS  1  a part of the index of users by the earliest end of their sessions
-- ARGV  for each user: the encoded id; the end that was found there; the next end, or empty: there are no more sessions
-- Answer: how many users nobody else has moved
local moved = 0
for i = 1, #ARGV, 3 do
  local user, found, following = ARGV[i], redis.call('ZSCORE', KEYS[1], ARGV[i]), ARGV[i + 2]
  if found and tonumber(found) == tonumber(ARGV[i + 1]) then
    if following == '' then
      redis.call('ZREM', KEYS[1], user)
    else
      redis.call('ZADD', KEYS[1], following, user)
    end
    moved = moved + 1
  end
end
return moved
`,
);
