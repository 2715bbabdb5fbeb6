import { redisScript } from '../redis-script.js';

/** Replaces fields of a session, and leaves its other fields and its lifetime as they are. */
export const UPDATE_SESSION = redisScript(
  'update-session',
  `
-- KEYS  1  the session
-- ARGV  1  the time of the last access, or nothing to leave it as it is
--       2  the SHA-1 of the record that is replaced, or nothing to replace any
--       3… for each field: its name as JSON text, its value as JSON text
-- Answer: the new record; the record as it is, if it is damaged; false if there is none; a list of the record as it
--         is, if it is another one
local record = redis.call('MGET', KEYS[1])[1] -- which takes no exception to keys of another type
if not record then return false end
local lifetime, lastAccessedAt, object = string.match(record, '^(%d+) (%S+)\\n{(.*)}$')
if not lifetime then return record end
if ARGV[2] ~= '' and redis.sha1hex(record) ~= ARGV[2] then return {record} end

local fields = {}
if object ~= '' then
  for field in string.gmatch(object .. ',\\n', '(.-),\\n') do fields[#fields + 1] = field end
end
for i = 3, #ARGV, 2 do
  local name = ARGV[i] .. ':'
  local at = #fields + 1
  for j, field in ipairs(fields) do
    if string.sub(field, 1, #name) == name then at = j end
  end
  fields[at] = name .. ARGV[i + 1]
end

if ARGV[1] ~= '' then lastAccessedAt = ARGV[1] end
record = lifetime .. ' ' .. lastAccessedAt .. '\\n{' .. table.concat(fields, ',\\n') .. '}'
redis.call('SET', KEYS[1], record, 'KEEPTTL')
return record
`,
);
