import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Appends a batch of events to their streams, and tells the instances that hold those. */
export const APPEND_EVENTS = redisScript(
  'append-events',
  `
-- KEYS  1     what this writer was last answered
--       2…    for each append: the session's hash, the stream's log
-- ARGV  1     the number of the batch, so that a repetition is recognised
--       2     when the batch must no longer be carried out, in milliseconds since the epoch
--       3     how long the answer is kept for a repetition, in milliseconds
--       4–6   the most events, milliseconds and bytes that a log keeps; 0 events: nothing is kept
--       7     the time to live of a session's hash, in milliseconds
--       8     the id of the calling instance
--       9     what the names of instances' channels begin with
--       10    1 if PUBLISH answers how many receive: it does not in a Cluster
--       11    epoch for new logs
--       12    how many texts follow; the texts
--       then for each append: session, field, last broadcast before it, 1 if it is the last one, how many events it has,
--             the number of each one's text
-- Answer: a line for each append: the log's epoch, the last offset, 1 if the caller holds the stream and has these to
--         deliver, the time, when the event before these was appended or 0
${STREAM_RECORD_LUA}
local now = currentTime()
local time = now .. ' '
if now > tonumber(ARGV[2]) then return redis.error_reply('STALE The append came too late') end
local before = redis.call('GET', KEYS[1])
if before then
  local batch, answer = string.match(before, '^(%S+)\\n(.*)$')
  if batch == ARGV[1] then return answer end
  if tonumber(batch) > tonumber(ARGV[1]) then return redis.error_reply('STALE A later batch has been carried out') end
end
local maxEvents, maxAge, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local ttl, instance, countsReceivers = tonumber(ARGV[7]), ARGV[8], ARGV[10] == '1'
local newEpoch, firstText = ARGV[11], 13
local next = firstText + tonumber(ARGV[12])
local messages, texts, holders, answers = {}, {}, {}, {}

-- What an instance is told: a text once, and the events that carry it.
local function tell(holder, text, event)
  local message = messages[holder]
  if not message then
    message = {}
    messages[holder] = message
    holders[#holders + 1] = holder
  end
  if texts[holder] ~= text then
    texts[holder] = text
    local content = text and ARGV[firstText + text] or ''
    message[#message + 1] = 't' .. #content .. '\\n' .. content
  end
  message[#message + 1] = event
end

local held = {}
for key = 2, #KEYS, 2 do
  local hash, log = KEYS[key], KEYS[key + 1]
  local session, field, broadcast = ARGV[next], ARGV[next + 1], ARGV[next + 2]
  local isLast, count = ARGV[next + 3] == '1', tonumber(ARGV[next + 4])
  next = next + 5
  local text = redis.call('HGET', hash, field)
  local record = text and parseHead(text)
  if not record and maxEvents > 0 then
    makeRoom(hash, string.sub(log, 1, -#field - 1), now, ttl)
    record = newRecord(newEpoch, 'u', instance)
    record.broadcast = broadcast
    redis.call('DEL', log)
  end
  if record then
    -- Whoever was not there to be told of events may be back by now.
    local holder = instanceOf(record.holder)
    local isElsewhere = holder ~= instance and holder ~= '-'
    local isHere = record.holder == instance
    local undelivered, before = record.last, record.at
    -- Behind the end of a stream comes nothing: its request has been answered.
    local written = count
    if record.state == 'e' then isHere, isElsewhere, written = false, false, 0 end
    for index = 1, written do
      local text = tonumber(ARGV[next + index - 1])
      local previous = record.at
      if maxEvents > 0 then
        local entry = time .. broadcast .. '\\n' .. ARGV[firstText + text]
        local length = redis.call('RPUSH', log, entry)
        record.last, record.at = record.last + 1, now
        record.bytes = record.bytes + #entry
        if index == 1 and length == 1 then record.bytes = #entry end
        while length > 1 and (length > maxEvents or record.bytes > maxBytes) do
          record.bytes = record.bytes - #redis.call('LPOP', log)
          length = length - 1
        end
      end
      if isElsewhere then
        local flag = isLast and index == count and 'l' or 'e'
        tell(holder, text, flag .. session .. ' ' .. field .. ' ' .. record.epoch .. ' ' .. record.last .. ' '
          .. time .. broadcast .. ' ' .. previous .. '\\n')
      end
    end
    if count == 0 and isLast and isElsewhere then
      tell(holder, false, 'n' .. session .. ' ' .. field .. ' ' .. record.epoch .. ' ' .. record.last .. '\\n')
    end
    if maxEvents > 0 then
      if written > 0 then redis.call('PEXPIRE', log, maxAge) end
      if isLast then record.state = 'e' end
      keepRecord(hash, field, record, now, record.state == 'u' and maxAge or ttl)
      if isElsewhere and isHeld(record.holder) then
        local n = #held
        held[n + 1], held[n + 2], held[n + 3], held[n + 4], held[n + 5] = hash, field, holder, undelivered, broadcast
      end
    end
    answers[#answers + 1] = record.epoch .. ' ' .. record.last .. ' ' .. (isHere and '1 ' or '0 ') .. time
      .. before
  else
    answers[#answers + 1] = newEpoch .. ' 0 0 ' .. time .. '0'
  end
  next = next + count
end

local isDead = {}
for _, holder in ipairs(holders) do
  local receivers = redis.call('PUBLISH', ARGV[9] .. holder, table.concat(messages[holder]))
  isDead[holder] = countsReceivers and receivers == 0
end
-- Whoever listens no more has not delivered these: the next connection gets them.
for first = 1, #held, 5 do
  local hash, field, holder, undelivered, broadcast = unpack(held, first, first + 4)
  if isDead[holder] then
    local record = readRecord(hash, field)
    if record.holder == holder then
      record.holder = '~' .. holder
      record.delivered = undelivered
      record.broadcast = broadcast
      writeRecord(hash, field, record)
    end
  end
end
local answer = table.concat(answers, '\\n')
redis.call('SET', KEYS[1], ARGV[1] .. '\\n' .. answer, 'PX', ARGV[3])
return answer
`,
);
