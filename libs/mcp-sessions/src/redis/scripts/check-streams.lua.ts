import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Compares what an instance knows of the streams that it holds with what Redis knows. */
export const CHECK_STREAMS = redisScript(
  'check-streams',
  `
-- KEYS  for each stream: the session's hash, the stream's log
-- ARGV  1  the id of the calling instance
--       2  the time to live of a session's hash, in milliseconds
--       then for each stream: field, generation, epoch, offset of the last event received, when that was appended or 0
-- Answer: for each stream its last offset; -1 if Redis has lost it or its newest events; -2 if somebody else took it;
--         -3 - the last offset if it has ended
${STREAM_RECORD_LUA}
local instance, ttl = ARGV[1], tonumber(ARGV[2])
local now = currentTime()
local answers = {}
for index = 1, #KEYS / 2 do
  local hash, log = KEYS[2 * index - 1], KEYS[2 * index]
  local first = 3 + (index - 1) * 5
  local field, generation, epoch = ARGV[first], tonumber(ARGV[first + 1]), ARGV[first + 2]
  local offset, at = tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4])
  local record = readRecord(hash, field)
  local answer
  if record and record.generation > generation and record.holder ~= instance then
    answer = -2
  elseif not record or record.epoch ~= epoch or record.last < offset then
    answer = -1
  else
    local entry = at > 0 and offset > 0 and redis.call('LINDEX', log, offset - record.last - 1)
    if entry and timeOf(entry) ~= at then
      answer = -1
    else
      answer = record.state == 'e' and -3 - record.last or record.last
      local isForgotten = record.holder == '-' and record.generation == generation
      local refreshed = record.refreshed
      refresh(hash, record, now, ttl)
      if isForgotten then
        record.holder = instance
        record.delivered = record.last
      end
      if isForgotten or record.refreshed ~= refreshed then writeRecord(hash, field, record) end
    end
  end
  answers[index] = answer
end
return answers
`,
);
