import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Ends the streams of sessions, and forgets what was kept for them. */
export const DELETE_STREAMS = redisScript(
  'delete-streams',
  `
-- KEYS  for each session: its hash, its requests
-- ARGV  1  the id of the calling instance
--       2  what the names of instances' channels begin with
--       then for each session: its name, what the names of its logs begin with, which are of the hash's slot, and 1 if
--       the streams of requests are left alone on which another instance is still to answer
-- Answer: for each session how many are left, and then field and epoch of each stream that was deleted
${STREAM_RECORD_LUA}
local instance, channels = ARGV[1], ARGV[2]
local messages, answers, over = {}, {}, {}

-- Whoever began a request's stream answers there. What is ended but held by the caller may still be on its way to it.
local function isUnanswered(field, record)
  if field == 'main' or record.origin == instance or record.holder == '-' then return false end
  return record.state == 'o' or record.holder == instance
end

for index = 1, #KEYS, 2 do
  local hash, first = KEYS[index], 3 * (index + 1) / 2
  local session, logs, leaves = ARGV[first], ARGV[first + 1], ARGV[first + 2] == '1'
  local fields = redis.call('HGETALL', hash)
  local answer = { 0 }
  for position = 1, #fields, 2 do
    local field, record = fields[position], parseRecord(fields[position + 1])
    if leaves and isUnanswered(field, record) then
      answer[1] = answer[1] + 1
    else
      redis.call('UNLINK', logs .. field)
      answer[#answer + 1], answer[#answer + 2] = field, record.epoch
      local holder = instanceOf(record.holder)
      if holder ~= '-' and holder ~= instance then
        local line = 'd' .. session .. ' ' .. field .. ' ' .. record.epoch .. '\\n'
        messages[holder] = (messages[holder] or '') .. line
      end
    end
  end
  if answer[1] > 0 then
    for position = 2, #answer, 2 do redis.call('HDEL', hash, answer[position]) end
  elseif #fields > 0 then
    over[#over + 1] = hash
  end
  over[#over + 1] = KEYS[index + 1]
  answers[#answers + 1] = answer
end
redis.call('UNLINK', unpack(over))
for holder, message in pairs(messages) do redis.call('PUBLISH', channels .. holder, message) end
return answers
`,
);
