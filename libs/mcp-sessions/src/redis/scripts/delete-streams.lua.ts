import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Ends all streams of a session, and forgets all that was kept for it. */
export const DELETE_STREAMS = redisScript(
  'delete-streams',
  `
-- KEYS  1  the session's hash
--       2  the session's requests
-- ARGV  1  session
--       2  the id of the calling instance
--       3  what the names of instances' channels begin with
--       4  what the names of the session's logs begin with; they are of the hash's slot
-- Answer: field and epoch of each stream that there was
${STREAM_RECORD_LUA}
local fields = redis.call('HGETALL', KEYS[1])
local messages, answer = {}, {}
for index = 1, #fields, 2 do
  local field, record = fields[index], parseRecord(fields[index + 1])
  redis.call('UNLINK', ARGV[4] .. field)
  answer[index], answer[index + 1] = field, record.epoch
  if record.holder ~= '-' and record.holder ~= ARGV[2] then
    local line = 'd' .. ARGV[1] .. ' ' .. field .. ' ' .. record.epoch .. '\\n'
    messages[record.holder] = (messages[record.holder] or '') .. line
  end
end
for holder, message in pairs(messages) do redis.call('PUBLISH', ARGV[3] .. holder, message) end
redis.call('UNLINK', KEYS[1], KEYS[2])
return answer
`,
);
