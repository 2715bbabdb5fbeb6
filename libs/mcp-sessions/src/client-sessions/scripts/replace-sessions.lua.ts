import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Replaces the records of sessions, each if nobody else has since it was read. */
export const REPLACE_SESSIONS = redisScript(
  'replace-sessions',
  `
-- KEYS  for each session: the hash of its user's sessions, their ends
-- ARGV  1  now; times are in milliseconds since the epoch
--       2… for each session: its encoded id, its new record, the revision of the one that was read
-- Answer: for each session 1 if it is replaced, also when this call is a repetition; 0 if it has changed; -1 if there
-- is none
${USER_SESSIONS_LUA}
local answer = {}
for i = 1, #KEYS / 2 do
  local hash, ends, id, record, read = KEYS[2 * i - 1], KEYS[2 * i], unpack(ARGV, 3 * i - 1, 3 * i + 1)
  local found = find(hash, id, ARGV[1])
  local _, foundRevision = headerOf(found or '')
  local _, revision = headerOf(record)
  if found and foundRevision == read then write(hash, ends, id, record) end
  answer[i] = not found and -1 or (foundRevision == read or foundRevision == revision) and 1 or 0
end
return answer
`,
);
