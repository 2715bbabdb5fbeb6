import { redisScript } from '../../redis/redis-script.js';

/** Removes sessions of several users. */
export const DELETE_SESSIONS = redisScript(
  'delete-sessions',
  `
-- KEYS  for each session: the hash of its user's sessions, their ends
-- ARGV  for each session: its encoded id
-- Answer: nothing
for i, id in ipairs(ARGV) do
  redis.call('HDEL', KEYS[2 * i - 1], id)
  redis.call('ZREM', KEYS[2 * i], id)
end
`,
);
