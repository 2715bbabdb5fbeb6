import { redisScript } from '../redis-script.js';

/** Appends a batch of signals to the log of signals, and tells every instance. */
export const APPEND_SIGNALS = redisScript(
  'append-signals',
  `
-- KEYS  1  the number of this writer's last batch
--       2  the log: two elements for each batch, a line about it and its signals
-- ARGV  1  the number of the batch, so that a repetition is recognised
--       2  when the batch must no longer be carried out, in milliseconds since the epoch
--       3  how long the number is kept for a repetition, in milliseconds
--       4–6  the most batches, milliseconds and bytes that the log keeps
--       7  the id of the calling instance
--       8  the channel of all instances
--       9  the signals
-- A line about a batch: its offset; instance:number; the same of the batch before it, or -; when it was appended; the
--       bytes of all signals of this log up to its beginning and to its end
-- Answer: 1, or 0 if Redis is full: then the signals have been published with the offset 0, and are not in the log
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[2]) then return redis.error_reply('STALE The signals came too late') end
local done = tonumber(redis.call('GET', KEYS[1]) or 0)
if done == tonumber(ARGV[1]) then return 1 end
if done > tonumber(ARGV[1]) then return redis.error_reply('STALE A later batch has been carried out') end
local maxBatches, maxAge, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local id, signals = ARGV[7] .. ':' .. ARGV[1], ARGV[9]

local function publish(offset, previous)
  local line = 's' .. offset .. ' ' .. id .. ' ' .. previous .. ' ' .. #signals .. '\\n'
  redis.call('PUBLISH', ARGV[8], line .. signals)
end

local marked = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
if marked.err then
  if not string.find(marked.err, 'OOM', 1, true) then return marked end
  publish(0, '-')
  return 0
end
local offset, previous, start = 1, '-', 0
local last = redis.call('LINDEX', KEYS[2], -2)
if last then
  offset, previous, start = string.match(last, '^(%d+) (%S+) %S+ %d+ %d+ (%d+)$')
  offset, start = tonumber(offset) + 1, tonumber(start)
end
local finish = start + #signals
local line = offset .. ' ' .. id .. ' ' .. previous .. ' ' .. now .. ' ' .. start .. ' ' .. finish
local length = redis.call('RPUSH', KEYS[2], line, signals) / 2
while length > 1 do
  local at, first = string.match(redis.call('LINDEX', KEYS[2], 0), '^%d+ %S+ %S+ (%d+) (%d+)')
  if length <= maxBatches and finish - first <= maxBytes and tonumber(at) > now - maxAge then break end
  redis.call('LTRIM', KEYS[2], 2, -1)
  length = length - 1
end
redis.call('PEXPIRE', KEYS[2], maxAge)
publish(offset, previous)
return 1
`,
);
