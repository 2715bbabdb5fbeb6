import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Reads sessions of a user, and records that they are used. */
export const USE_SESSIONS = redisScript(
  'use-sessions',
  `
-- KEYS  1  the hash of the user's sessions
--       2  their ends
-- ARGV  1  now; times are in milliseconds since the epoch
--       2  the end of an active session that is used now
--       3… the sessions' encoded ids
-- Answer: for each session its record, false where there is none
${USER_SESSIONS_LUA}
local hash, ends = KEYS[1], KEYS[2]
local records = {}
for i = 3, #ARGV do
  local record, status, revision, ending = find(hash, ARGV[i], ARGV[1])
  if status == 'a' and tonumber(ending) < tonumber(ARGV[2]) then
    record = string.gsub(record, '^%S+ %S+ %S+', 'a ' .. revision .. ' ' .. ARGV[2])
    write(hash, ends, ARGV[i], record, ARGV[2], ending)
  end
  records[i - 2] = record or false
end
return records
`,
);
