import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Changes sessions, status and end by the rules of `updatedSession` in `session-rules.ts`. */
export const UPDATE_SESSIONS = redisScript(
  'update-sessions',
  `
-- KEYS  for each session: the hash of its user's sessions, their ends
-- ARGV  1  now; times are in milliseconds since the epoch
--       2  the end of an active session that is used now
--       3  the end of a session that becomes pending now
--       4  what credentials are sealed with
--       5… for each session:
--          - its encoded id, the revision that its record gets, the new status or "-", the revision that the record has
--            to have or "-", and the names of the fields that change; separated by spaces
--          - the lines of those that are not cleared
-- Answer: for each session 1 if it is updated, also when this call is a repetition; -1 if there is none; 0 if its record
-- has to be read first: it is another one than was read, its credentials are sealed with something else, or it is damaged
${USER_SESSIONS_LUA}
-- A record without the line of this field. Few copies are made on the way: they are what a script takes time for.
local function without(record, name)
  local from = string.find(record, '\\n,' .. name .. ':', 1, true)
  if not from then return record end
  local to = string.find(record, '\\n', from + 1, true)
  return string.sub(record, 1, from - 1) .. string.sub(record, to)
end

local answer = {}
for i = 1, #KEYS / 2 do
  local hash, ends, change, lines = KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i + 3], ARGV[2 * i + 4]
  local id, revision, newStatus, read, names = string.match(change, '^(%S+) (%S+) (%S+) (%S+)(.*)')
  local record, status, foundRevision, ending, sealer = find(hash, id, ARGV[1])
  local isAsRead = foundRevision == read or (read == '-' and sealer == ARGV[4])
  if not record then
    answer[i] = -1
  elseif foundRevision == revision then
    answer[i] = 1
  elseif isAsRead and string.sub(record, -2) == '\\n}' then
    local following, former = newStatus == '-' and status or newStatus, ending
    if following == 'a' then ending = ARGV[2] elseif status == 'a' then ending = ARGV[3] end
    for name in string.gmatch(names, '%S+') do record = without(record, name) end
    local fields = string.sub(record, string.find(record, '\\n', 1, true), -2)
    record = following .. ' ' .. revision .. ' ' .. ending .. ' ' .. id .. ' ' .. ARGV[4] .. ' ' .. ARGV[1]
      .. fields .. lines .. '}'
    write(hash, ends, id, record, ending, former)
    answer[i] = 1
  else
    answer[i] = 0
  end
end
return answer
`,
);
