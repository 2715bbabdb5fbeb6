import { redisScript } from '../redis-script.js';

/** Reads the broadcasts behind an offset. */
export const READ_BROADCASTS = redisScript(
  'read-broadcasts',
  `
-- KEYS  1  epoch and last offset of the log, when the event there was appended or 0, and the log's size in bytes
--       2  the log
-- ARGV  1  the epoch that the caller knows, and 2 the offset in it behind which to read
--       3  when the event at that offset was appended; 0 if that is not known, -1 if the caller has seen two of them
--       4  epoch for a new log
-- Answer: the time in milliseconds, epoch, last offset, the retained events behind that offset: all of them if the
--         epoch is another one
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, last, lastAt = string.match(redis.call('GET', KEYS[1]) or '- 0 0 0', '^(%S+) (%d+) (%d+)')
last = tonumber(last)
local offset, at = epoch == ARGV[1] and tonumber(ARGV[2]) or 0, tonumber(ARGV[3])

-- Whether the log has gone back in time, as after a failover: then the caller has seen events that it does not have.
local function isBehindCaller()
  if epoch ~= ARGV[1] then return false end
  if last < offset or at < 0 then return true end
  if last == offset and at ~= 0 then return tonumber(lastAt) ~= at end
  local entry = at ~= 0 and redis.call('LINDEX', KEYS[2], offset - last - 1)
  return entry and tonumber(string.match(entry, '^%d+')) ~= at
end

if epoch == '-' or isBehindCaller() then
  epoch, last, offset = ARGV[4], 0, 0
  redis.call('SET', KEYS[1], epoch .. ' 0 0 0')
  redis.call('DEL', KEYS[2])
end
local answer = { now, epoch, last }
if offset < last then
  local length = redis.call('LLEN', KEYS[2])
  if length > 0 then
    for _, entry in ipairs(redis.call('LRANGE', KEYS[2], math.max(offset - last, -length), -1)) do
      answer[#answer + 1] = entry
    end
  end
end
return answer
`,
);
