import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Stores a session that does not exist yet. */
export const CREATE_SESSION = redisScript(
  'create-session',
  `
-- KEYS  1  the hash of the user's sessions
--       2  their ends
-- ARGV  1  the session's encoded id
--       2  its record
--       3  its end
--       4  now; times are in milliseconds since the epoch
-- Answer: 1 if it is stored, also when this call is a repetition; 0 if there is another
${USER_SESSIONS_LUA}
if exists(ARGV[1], ARGV[4]) then
  local record = redis.call('HGET', hash, ARGV[1])
  if record then return revisionOf(record) == revisionOf(ARGV[2]) and 1 or 0 end
end
write(ARGV[1], ARGV[2], ARGV[3])
return 1
`,
);
