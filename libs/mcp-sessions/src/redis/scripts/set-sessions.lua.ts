import { redisScript } from '../redis-script.js';

/** Stores sessions whole, each with a lifetime of its own. */
export const SET_SESSIONS = redisScript(
  'set-sessions',
  `
-- KEYS  the sessions
-- ARGV  for each session: its record, its lifetime in milliseconds
-- Answer: nothing
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[2 * i - 1], 'PX', ARGV[2 * i])
end
`,
);
