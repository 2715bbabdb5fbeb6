import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Stores sessions that do not exist yet. */
export const CREATE_SESSIONS = redisScript(
  'create-sessions',
  `
-- KEYS  for each session: the hash of its user's sessions, their ends
-- ARGV  1  now; times are in milliseconds since the epoch
--       2… for each session: its encoded id, its record
-- Answer: for each session 1 if it is stored, also when this call is a repetition; 0 if there is another
${USER_SESSIONS_LUA}
local answer = {}
for i = 2, #ARGV, 2 do
  local hash, ends, id, record = KEYS[i - 1], KEYS[i], ARGV[i], ARGV[i + 1]
  local _, revision, ending = headerOf(record)
  local found, _, foundRevision = find(hash, id, ARGV[1])
  if not found then write(hash, ends, id, record, ending) end
  answer[i / 2] = (not found or foundRevision == revision) and 1 or 0
end
return answer
`,
);
