import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Takes streams over for connections of the calling instance, and reads what those connections have not had. */
export const ATTACH_STREAMS = redisScript(
  'attach-streams',
  `
-- KEYS  for each stream: the session's hash, the stream's log
-- ARGV  1  the id of the calling instance
--       2  the most milliseconds that a log keeps
--       3  the time to live of a session's hash, in milliseconds
--       4  what the names of instances' channels begin with
--       5  the milliseconds within which takeovers count
--       6  the bytes of events after which no more streams are attached
--       then for each stream a line of words:
--       session, field
--       the claim: a word that only this connection uses, so that a repetition is recognised
--       epoch for a new log
--       1 for a session's main stream
--       takeovers after which a newcomer is refused, or 0
--       follow: behind what was last delivered
--         after: behind the event named
--         recover: the caller's connection holds the stream, but Redis does not know that any more
--       the log's epoch, and the offset in it, that the connection stands at; when the event at that offset was appended,
--         or 0; not for follow
-- Answer: for each stream
--         new: it began with this connection
--         or attached, epoch, generation, offset to go on behind, broadcast to go on behind or -, last offset,
--           1 if the stream has ended, 1 if events are lost, when the event to go on behind was appended or 0,
--           the instance that began the stream, how many events follow; in one line, and then
--           the retained events behind that offset
--         or gone: nothing is left of a request's stream; contended: too many takeovers;
--         taken: another connection has it (only for recover)
--         It may end before the last of them: those are still to be attached, by another call.
${STREAM_RECORD_LUA}
local instance, maxAge, ttl, channels, window = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local now = currentTime()
local answers, bytes = {}, 0

-- The takeovers that count, with this one; nil if those are too many.
local function takeoversOf(record, most)
  local recent = {}
  for at in string.gmatch(record.takeovers, '%d+') do
    if tonumber(at) > now - window then recent[#recent + 1] = at end
  end
  if #recent >= most then return nil end
  recent[#recent + 1] = now
  return table.concat(recent, ',')
end

-- The log has gone back in time, as after a failover: what the connection has had is dropped from it, and what came
-- since gets an epoch of its own. Answers where to go on behind, and the length that is left.
local function beginAnew(log, record, length, epoch, lastTime)
  local start = record.last
  record.epoch = epoch
  while lastTime > 0 and start > record.last - length
    and timeOf(redis.call('LINDEX', log, start - record.last - 1)) > lastTime do
    start = start - 1
  end
  while length > record.last - start do
    record.bytes = record.bytes - #redis.call('LPOP', log)
    length = length - 1
  end
  return start, length
end

local function attach(hash, log, line)
  local session, field, claim, newEpoch, main, guard, mode, epoch, offset, at =
    string.match(line, '^(%S+) (%S+) (%S+) (%S+) (%d) (%d+) (%a+) (%S+) (%d+) (%d+)$')
  local isMain, maxTakeovers = main == '1', tonumber(guard)
  offset, at = tonumber(offset), tonumber(at)
  -- Most often it is the first stream of its session.
  local isFirst = redis.call('HLEN', hash) == 0
  local record = not isFirst and readRecord(hash, field)
  local isNew = not record
  local isRepeated = record and record.claim == claim
  local isLost = false
  local start
  local length = 0

  if mode == 'after' and (isNew or record.epoch ~= epoch) then
    if not isMain and not isRepeated then return 'gone' end
    isLost = true
  end
  if mode == 'recover' and record and record.holder ~= instance and isHeld(record.holder) then return 'taken' end

  if isNew then
    -- The log's name ends with the field.
    if not isFirst then makeRoom(hash, string.sub(log, 1, -#field - 1), now, ttl) end
    record = newRecord(newEpoch, 'o', instance)
    redis.call('DEL', log)
  else
    if not isHeld(record.holder) then
      record.takeovers = '-'
    elseif not isRepeated and maxTakeovers > 0 then
      local takeovers = takeoversOf(record, maxTakeovers)
      if not takeovers then return 'contended' end
      record.takeovers = takeovers
    end
    dropAged(log, record, now, maxAge)
    length = redis.call('LLEN', log)
    -- Whoever held the stream has been handed all there was.
    if not isRepeated and isHeld(record.holder) then record.delivered, record.broadcast = record.last, '-' end
  end

  if isLost then
    start = 0
  elseif mode == 'follow' then
    start = record.delivered
  elseif mode == 'after' and offset > record.last then
    isLost = true
    start, length = beginAnew(log, record, length, newEpoch, 0)
  elseif mode == 'after' then
    start = offset
  elseif isNew or record.epoch ~= epoch then
    start, isLost = 0, true
  else
    isLost = true
    start, length = beginAnew(log, record, length, newEpoch, at)
  end
  if start < record.last - length then isLost = true end
  if mode == 'after' and not isMain and record.state == 'e' and start < record.last and length == 0 then
    redis.call('HDEL', hash, field)
    return 'gone'
  end

  local former = instanceOf(record.holder)
  if not isRepeated then record.generation = record.generation + 1 end
  record.holder, record.claim = instance, claim
  if record.state == 'u' then record.state = 'o' end
  if isFirst then
    -- Nothing can have given the hash a longer time to live.
    record.refreshed = now
    writeRecord(hash, field, record)
    redis.call('PEXPIRE', hash, ttl)
  else
    record.refreshed = 0
    keepRecord(hash, field, record, now, ttl)
  end
  if former ~= '-' and former ~= instance then
    redis.call('PUBLISH', channels .. former, 'x' .. session .. ' ' .. field .. ' ' .. record.generation .. '\\n')
  end

  if isNew and mode == 'follow' then return 'new' end

  local startAt, entries = record.at, {}
  if start < record.last then
    local entry = start > 0 and redis.call('LINDEX', log, start - record.last - 1)
    startAt = entry and timeOf(entry) or 0
    if length > 0 then entries = redis.call('LRANGE', log, math.max(start - record.last, -length), -1) end
  end
  return 'attached ' .. record.epoch .. ' ' .. record.generation .. ' ' .. start .. ' ' .. record.broadcast .. ' '
    .. record.last .. (record.state == 'e' and ' 1 ' or ' 0 ') .. (isLost and '1 ' or '0 ') .. startAt .. ' '
    .. record.origin .. ' ' .. #entries, entries
end

for index = 1, #KEYS / 2 do
  local line, entries = attach(KEYS[2 * index - 1], KEYS[2 * index], ARGV[6 + index])
  answers[#answers + 1] = line
  for _, entry in ipairs(entries or {}) do
    answers[#answers + 1] = entry
    bytes = bytes + #entry
  end
  if bytes >= tonumber(ARGV[6]) then break end
end
return answers
`,
);
