import { redisScript } from '../redis-script.js';

/** Appends events to the log of broadcasts, and tells every instance. */
export const BROADCAST_EVENTS = redisScript(
  'broadcast-events',
  `
-- KEYS  1  what this writer was last answered
--       2  epoch and last offset of the log, when the event there was appended or 0, and the log's size in bytes
--       3  the log
-- ARGV  1  the number of the batch, so that a repetition is recognised
--       2  when the batch must no longer be carried out, in milliseconds since the epoch
--       3  how long the answer is kept for a repetition, in milliseconds
--       4–6  the most events, milliseconds and bytes that the log keeps; 0 events: nothing is kept
--       7  epoch for a new log
--       8  the channel of all instances
--       9… the texts
-- Answer: epoch, last offset, the time, when the event before these was appended or 0
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[2]) then return redis.error_reply('STALE The broadcast came too late') end
local before = redis.call('GET', KEYS[1])
if before then
  local batch, answer = string.match(before, '^(%S+)\\n(.*)$')
  if batch == ARGV[1] then return answer end
  if tonumber(batch) > tonumber(ARGV[1]) then return redis.error_reply('STALE A later batch has been carried out') end
end
local maxEvents, maxAge, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local state = redis.call('GET', KEYS[2])
local epoch, last, before, bytes
if state then
  epoch, last, before, bytes = string.match(state, '^(%S+) (%d+) (%d+) (%d+)$')
else
  epoch, last, before, bytes = ARGV[7], 0, 0, 0
  redis.call('DEL', KEYS[3])
end
last, bytes = tonumber(last), tonumber(bytes)
local message = { 'b' .. epoch .. ' ' .. (last + 1) .. ' ' .. now .. ' ' .. before .. '\\n' }
for index = 9, #ARGV do
  local text = ARGV[index]
  last = last + 1
  message[#message + 1] = #text .. '\\n' .. text
  if maxEvents > 0 then
    local entry = now .. '\\n' .. text
    local length = redis.call('RPUSH', KEYS[3], entry)
    -- What was there before may have expired.
    bytes = (length == 1 and 0 or bytes) + #entry
    while length > 1 and (length > maxEvents or bytes > maxBytes) do
      bytes = bytes - #redis.call('LPOP', KEYS[3])
      length = length - 1
    end
  end
end
local answer = epoch .. ' ' .. last .. ' ' .. now .. ' ' .. before
redis.call('SET', KEYS[2], epoch .. ' ' .. last .. ' ' .. now .. ' ' .. bytes)
if maxEvents > 0 then redis.call('PEXPIRE', KEYS[3], maxAge) end
redis.call('PUBLISH', ARGV[8], table.concat(message))
redis.call('SET', KEYS[1], ARGV[1] .. '\\n' .. answer, 'PX', ARGV[3])
return answer
`,
);
