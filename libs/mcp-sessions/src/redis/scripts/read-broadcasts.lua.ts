import { redisScript } from '../redis-script.js';

/** Reads the broadcasts behind an offset. */
export const READ_BROADCASTS = redisScript(
  'read-broadcasts',
  `
-- KEYS  1  the epoch and last offset of the log
--       2  the log
-- ARGV  1  the epoch that the caller knows, and 2 the offset in it behind which to read
--       3  epoch for a new log
-- Answer: the time in milliseconds, epoch, last offset, the retained events behind that offset: all of them if the
--         epoch is another one
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('GET', KEYS[1])
if not state then
  state = ARGV[3] .. ' 0'
  redis.call('SET', KEYS[1], state)
  redis.call('DEL', KEYS[2])
end
local epoch, last = string.match(state, '^(%S+) (%d+)$')
last = tonumber(last)
local offset = epoch == ARGV[1] and tonumber(ARGV[2]) or 0
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
