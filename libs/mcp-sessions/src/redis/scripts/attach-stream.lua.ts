import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Takes a stream over for a connection of the calling instance, and reads what that connection has not had. */
export const ATTACH_STREAM = redisScript(
  'attach-stream',
  `
-- KEYS  1  the session's hash
--       2  the stream's log
-- ARGV  1  session
--       2  field
--       3  the id of the calling instance
--       4  follow: behind what was last delivered
--          after: behind the event named
--          recover: the caller's connection holds the stream, but Redis does not know that any more
--       5  the log's epoch, and 6 the offset in it, that the connection stands at; not for follow
--       7  when the event at that offset was appended, or 0; for recover
--       8  epoch for a new log
--       9  the last broadcast that the caller knows
--       10 the most milliseconds that a log keeps
--       11 the time to live of a session's hash, in milliseconds
--       12 what the names of instances' channels begin with
--       13 takeovers after which a newcomer is refused, or 0; 14 the milliseconds within which they count
--       15 1 for a session's main stream
--       16 what the names of the session's logs begin with
--       17 the claim: a word that only this connection uses, so that a repetition is recognised
-- Answer: attached, epoch, generation, offset to go on behind, broadcast to go on behind or -, last offset,
--         1 if the stream has ended, 1 if events are lost, when the event to go on behind was appended or 0,
--         the instance that began the stream, the retained events behind that offset
--         or gone: nothing is left of a request's stream; contended: too many takeovers;
--         taken: another connection has it (only for recover)
${STREAM_RECORD_LUA}
local hash, log, session, field, instance, mode = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local isMain, claim = ARGV[15] == '1', ARGV[17]
local now = currentTime()
local record = readRecord(hash, field)
local isNew = not record
local isRepeated = record and record.claim == claim
local isLost = false
local start

if mode == 'after' and (isNew or record.epoch ~= ARGV[5]) then
  if not isMain and not isRepeated then return { 'gone' } end
  isLost = true
end
if mode == 'recover' and record and record.holder ~= '-' and record.holder ~= instance then return { 'taken' } end

local maxTakeovers = tonumber(ARGV[13])
if not isNew and record.holder == '-' then
  record.takeovers = '-'
elseif not isNew and not isRepeated and maxTakeovers > 0 then
  local recent = {}
  for at in string.gmatch(record.takeovers, '%d+') do
    if tonumber(at) > now - tonumber(ARGV[14]) then recent[#recent + 1] = at end
  end
  if #recent >= maxTakeovers then return { 'contended' } end
  recent[#recent + 1] = now
  record.takeovers = table.concat(recent, ',')
end

if isNew then
  makeRoom(hash, ARGV[16], now, tonumber(ARGV[11]))
  record = newRecord(ARGV[8], 'o', instance)
  redis.call('DEL', log)
end
dropAged(log, record, now, tonumber(ARGV[10]))
local length = redis.call('LLEN', log)
-- Whoever held the stream has been handed all there was.
if not isRepeated and record.holder ~= '-' then record.delivered, record.broadcast = record.last, '-' end

-- The log has gone back in time, as after a failover: what the connection has had is dropped from it, and what came
-- since gets an epoch of its own.
local function beginAnew(lastTime)
  isLost, start, record.epoch = true, record.last, ARGV[8]
  while lastTime > 0 and start > record.last - length
    and timeOf(redis.call('LINDEX', log, start - record.last - 1)) > lastTime do
    start = start - 1
  end
  while length > record.last - start do
    record.bytes = record.bytes - #redis.call('LPOP', log)
    length = length - 1
  end
end

if isLost then
  start = 0
elseif mode == 'follow' then
  start = record.delivered
elseif mode == 'after' and tonumber(ARGV[6]) > record.last then
  beginAnew(0)
elseif mode == 'after' then
  start = tonumber(ARGV[6])
elseif isNew or record.epoch ~= ARGV[5] then
  start, isLost = 0, true
else
  beginAnew(tonumber(ARGV[7]))
end
if start < record.last - length then isLost = true end
if mode == 'after' and not isMain and record.state == 'e' and start < record.last and length == 0 then
  redis.call('HDEL', hash, field)
  return { 'gone' }
end

local former = record.holder
if not isRepeated then record.generation = record.generation + 1 end
record.holder, record.claim = instance, claim
if record.state == 'u' then record.state = 'o' end
record.refreshed = 0
keepRecord(hash, field, record, now, tonumber(ARGV[11]))
if former ~= '-' and former ~= instance then
  redis.call('PUBLISH', ARGV[12] .. former, 'x' .. session .. ' ' .. field .. ' ' .. record.generation .. '\\n')
end

local startAt = record.at
if start < record.last then
  local entry = start > 0 and redis.call('LINDEX', log, start - record.last - 1)
  startAt = entry and timeOf(entry) or 0
end
local answer = {
  'attached', record.epoch, record.generation, start, record.broadcast, record.last,
  record.state == 'e' and 1 or 0, isLost and 1 or 0, startAt, record.origin,
}
if start < record.last and length > 0 then
  for _, entry in ipairs(redis.call('LRANGE', log, math.max(start - record.last, -length), -1)) do
    answer[#answer + 1] = entry
  end
end
return answer
`,
);
