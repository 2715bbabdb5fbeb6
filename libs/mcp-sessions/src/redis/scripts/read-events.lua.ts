import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Reads the events behind an offset. */
export const READ_EVENTS = redisScript(
  'read-events',
  `
-- KEYS  1  the session's hash
--       2  the stream's log
-- ARGV  1  field
--       2  the log's epoch
--       3  the offset behind which to read, and 4 when the event at that offset was appended, or 0
-- Answer: the last offset, 1 if the stream has ended, the retained events behind that offset; nothing if the log is
--         not the one asked for
${STREAM_RECORD_LUA}
local record = readRecord(KEYS[1], ARGV[1])
local offset = tonumber(ARGV[3])
if not record or record.epoch ~= ARGV[2] or record.last < offset then return {} end
local at = tonumber(ARGV[4])
if at > 0 and not isTimeOf(KEYS[2], record, offset, at) then return {} end
local answer = { record.last, record.state == 'e' and 1 or 0 }
if offset < record.last then
  local length = redis.call('LLEN', KEYS[2])
  if length > 0 then
    for _, entry in ipairs(redis.call('LRANGE', KEYS[2], math.max(offset - record.last, -length), -1)) do
      answer[#answer + 1] = entry
    end
  end
end
return answer
`,
);
