import { redisScript } from '../redis-script.js';

/** Reads the signals behind a place in their log, and sends the caller its probe in the same step. */
export const READ_SIGNALS = redisScript(
  'read-signals',
  `
-- KEYS  1  the log: two elements for each batch, a line about it and its signals
-- ARGV  1  the offset of the last batch that the caller knows: 0 if that log had none, -1 to begin at the present end
--       2  instance:number of that batch; - if there was none
--       3  the channel that the probe goes to; empty: there is none
--       4  the probe
-- Answer: the time in milliseconds, 1 if the log goes on behind that batch or 0, the line about the last batch or an
--         empty text; then the elements of the batches behind that one, or of all if the log does not go on there
if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
local time = redis.call('TIME')
local tail = redis.call('LINDEX', KEYS[1], -2)
local answer = { time[1] * 1000 + math.floor(time[2] / 1000), 1, tail or '' }
local known = tonumber(ARGV[1])
if known < 0 then return answer end

local last = tail and tonumber(string.match(tail, '^%d+')) or 0
local first = last - redis.call('LLEN', KEYS[1]) / 2 + 1
local id
if known == 0 then
  id = first == 1 and '-'
elseif known >= first and known <= last then
  id = string.match(redis.call('LINDEX', KEYS[1], 2 * (known - last) - 2), '^%d+ (%S+)')
end
local from = known + 1
if id ~= ARGV[2] then
  answer[2] = 0
  from = first
end
if from <= last then
  for _, element in ipairs(redis.call('LRANGE', KEYS[1], 2 * (from - last) - 2, -1)) do
    answer[#answer + 1] = element
  end
end
return answer
`,
);
