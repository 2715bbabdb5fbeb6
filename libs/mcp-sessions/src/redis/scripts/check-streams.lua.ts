import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Compares what an instance knows of the streams that it holds with what Redis knows. */
export const CHECK_STREAMS = redisScript(
  'check-streams',
  `
-- KEYS  for each stream: the session's hash, the stream's log
-- ARGV  1  the id of the calling instance
--       2  the time to live of a session's hash, in milliseconds
--       then for each stream: field, generation, claim, epoch, offset of the last event received, when that was appended or 0
-- Answer: for each stream its last offset; -1 if there is none; -2 if somebody else took it; -3 if the log is another
--         one, or has gone back in time; -4 - the last offset if it has ended
${STREAM_RECORD_LUA}
local instance, ttl = ARGV[1], tonumber(ARGV[2])
local now = currentTime()
local answers = {}
for index = 1, #KEYS / 2 do
  local hash, log = KEYS[2 * index - 1], KEYS[2 * index]
  local first = 3 + (index - 1) * 6
  local field, generation, claim, epoch = ARGV[first], tonumber(ARGV[first + 1]), ARGV[first + 2], ARGV[first + 3]
  local offset, at = tonumber(ARGV[first + 4]), tonumber(ARGV[first + 5])
  local record = readRecord(hash, field)
  local answer
  if not record then
    answer = -1
  elseif record.claim ~= claim and record.holder ~= instance and record.generation >= generation then
    answer = -2
  elseif record.epoch ~= epoch or record.last < offset then
    answer = -3
  else
    if at > 0 and not isTimeOf(log, record, offset, at) then
      answer = -3
    else
      answer = record.state == 'e' and -4 - record.last or record.last
      -- Events found nobody listening here for a while; or Redis has gone back to before this connection came.
      local isForgotten = not isHeld(record.holder) and record.claim == claim or record.generation < generation
      if isForgotten then
        record.holder, record.claim, record.generation = instance, claim, generation
        record.delivered, record.broadcast = record.last, '-'
      end
      if isForgotten or isDue(record, now, ttl) then keepRecord(hash, field, record, now, ttl) end
    end
  end
  answers[index] = answer
end
return answers
`,
);
