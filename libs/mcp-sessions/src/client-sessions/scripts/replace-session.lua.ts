import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Replaces a session's record if nobody else has since it was read. */
export const REPLACE_SESSION = redisScript(
  'replace-session',
  `
-- KEYS  1  the hash of the user's sessions
--       2  their ends
-- ARGV  1  the session's encoded id
--       2  the revision of the record that was read
--       3  the new record
--       4  its end
--       5  now; times are in milliseconds since the epoch
-- Answer: 1 if it is replaced, also when this call is a repetition; 0 if it has changed; -1 if there is none
${USER_SESSIONS_LUA}
local record = exists(ARGV[1], ARGV[5]) and redis.call('HGET', hash, ARGV[1])
if not record then return -1 end
local revision = revisionOf(record)
if revision == revisionOf(ARGV[3]) then return 1 end
if revision ~= ARGV[2] then return 0 end
write(ARGV[1], ARGV[3], ARGV[4])
return 1
`,
);
