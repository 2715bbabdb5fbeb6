import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Ends all streams of sessions, and forgets all that was kept for them. */
export const DELETE_STREAMS = redisScript(
  'delete-streams',
  `
-- KEYS  for each session: its hash, its requests
-- ARGV  1  the id of the calling instance
--       2  what the names of instances' channels begin with
--       then for each session: its name, what the names of its logs begin with; they are of the hash's slot
-- Answer: for each session field and epoch of each stream that there was
${STREAM_RECORD_LUA}
local instance, channels = ARGV[1], ARGV[2]
local messages, answers = {}, {}
for index = 1, #KEYS, 2 do
  local session, logs = ARGV[index + 2], ARGV[index + 3]
  local fields = redis.call('HGETALL', KEYS[index])
  local answer = {}
  for position = 1, #fields, 2 do
    local field, record = fields[position], parseRecord(fields[position + 1])
    redis.call('UNLINK', logs .. field)
    answer[position], answer[position + 1] = field, record.epoch
    local holder = instanceOf(record.holder)
    if holder ~= '-' and holder ~= instance then
      local line = 'd' .. session .. ' ' .. field .. ' ' .. record.epoch .. '\\n'
      messages[holder] = (messages[holder] or '') .. line
    end
  end
  redis.call('UNLINK', KEYS[index], KEYS[index + 1])
  answers[#answers + 1] = answer
end
for holder, message in pairs(messages) do redis.call('PUBLISH', channels .. holder, message) end
return answers
`,
);
