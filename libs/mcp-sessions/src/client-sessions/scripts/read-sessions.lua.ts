import { redisScript } from '../../redis/redis-script.js';

/** Reads sessions of several users. */
export const READ_SESSIONS = redisScript(
  'read-sessions',
  `
-- KEYS  for each session: the hash of its user's sessions
-- ARGV  for each session: its encoded id
-- Answer: for each session its record, false where there is none; those of ended sessions are among them
local records = {}
for i, hash in ipairs(KEYS) do records[i] = redis.call('HGET', hash, ARGV[i]) end
return records
`,
);
