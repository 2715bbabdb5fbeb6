/** The field of a session's main stream. */
const MAIN_FIELD = 'main';
/** Streams of one session beyond which those that are over are looked for. */
const MAX_STREAMS = 48;
/** Streams of one session beyond which those without a connection make room, although they are not over. */
const MAX_OPEN_STREAMS = 256;
/** Request streams of one session that have ended and are kept for resuming. */
const MAX_ENDED_STREAMS = 32;

/**
 * What the scripts about streams share. A stream's record is one field of its session's hash: thirteen words.
 *
 *     last         the offset of the last event
 *     at           when that was appended, in milliseconds since the epoch, or 0
 *     state        o: open; e: ended; u: open, and no client has a place in it yet
 *     bytes        the size of the log
 *     refreshed    when the hash was last given its time to live, in milliseconds since the epoch
 *     holder       the instance whose connection holds the stream, or -; ~ and an instance: its connection did, and it was
 *                  not there to be told of events
 *     epoch        changes whenever the log starts anew
 *     generation   grows with every connection that takes the stream over
 *     claim        the word of the connection that took the stream over last, by which its instance is recognised; behind ! if
 *                  another instance has had the connection closed
 *     delivered    the offset of the last event handed to a connection; while one holds the stream: to those before it
 *     broadcast    the last broadcast handed to a connection, or -; while one holds the stream: to those before it
 *     origin       the instance that began the stream: a request's stream is written by this one only
 *     takeovers    when connections were last replaced, separated by commas, or -
 *
 * The words that an append needs come first: taking a record apart is what costs most in it, so that it leaves the
 * others together, as `rest`.
 */
export const STREAM_RECORD_LUA = `
local function currentTime()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The words up to the epoch; the others are left as they are.
local function parseHead(text)
  local last, at, state, bytes, refreshed, holder, epoch, rest =
    string.match(text, '^(%d+) (%d+) (%a) (%d+) (%d+) (%S+) (%S+) (.*)$')
  return {
    last = tonumber(last), at = tonumber(at), state = state, bytes = tonumber(bytes), refreshed = tonumber(refreshed),
    holder = holder, epoch = epoch, rest = rest,
  }
end

local function parseRecord(text)
  local record = parseHead(text)
  local generation, claim, delivered, broadcast, origin, takeovers =
    string.match(record.rest, '^(%d+) (%S+) (%d+) (%S+) (%S+) (%S+)$')
  record.rest = nil
  record.generation, record.claim, record.delivered = tonumber(generation), claim, tonumber(delivered)
  record.broadcast, record.origin, record.takeovers = broadcast, origin, takeovers
  return record
end

local function readRecord(hash, field)
  local text = redis.call('HGET', hash, field)
  return text and parseRecord(text)
end

local function writeRecord(hash, field, record)
  local rest = record.rest or string.format('%d %s %d %s %s %s', record.generation, record.claim, record.delivered,
    record.broadcast, record.origin, record.takeovers)
  redis.call('HSET', hash, field, string.format('%d %d %s %d %d %s %s %s', record.last, record.at, record.state,
    record.bytes, record.refreshed, record.holder, record.epoch, rest))
end

-- Whether a connection holds the stream, and its instance can be told of events.
local function isHeld(holder)
  return holder ~= '-' and string.sub(holder, 1, 1) ~= '~'
end

-- The instance that a connection holds or held the stream on, or -.
local function instanceOf(holder)
  return string.match(holder, '^~?(.*)$')
end

local function newRecord(epoch, state, origin)
  return {
    epoch = epoch, generation = 0, holder = '-', claim = '-', last = 0, at = 0, delivered = 0, broadcast = '-',
    state = state, bytes = 0, refreshed = 0, origin = origin, takeovers = '-',
  }
end

-- Whether the session's hash has to be given its time to live again.
local function isDue(record, now, ttl)
  return now - record.refreshed > ttl / 10
end

-- Writes the record, and keeps the session's hash for ttl milliseconds more unless that was said a short while ago.
local function keepRecord(hash, field, record, now, ttl)
  local due = isDue(record, now, ttl)
  if due then record.refreshed = now end
  writeRecord(hash, field, record)
  -- Only now is there a hash that can expire.
  if due and redis.call('PTTL', hash) < ttl then redis.call('PEXPIRE', hash, ttl) end
end

-- Entries of a log begin with the time at which they were appended.
local function timeOf(entry)
  return tonumber(string.match(entry, '^%d+'))
end

-- Whether the event at that offset, if it is known, was appended then: if not, the log has gone back in time.
local function isTimeOf(log, record, offset, at)
  if offset == record.last then return record.at == at end
  local entry = offset > 0 and redis.call('LINDEX', log, offset - record.last - 1)
  return not entry or timeOf(entry) == at
end

local function dropAged(log, record, now, maxAge)
  local oldest = redis.call('LINDEX', log, 0)
  while oldest and timeOf(oldest) + maxAge <= now do
    redis.call('LPOP', log)
    record.bytes = record.bytes - #oldest
    oldest = redis.call('LINDEX', log, 0)
  end
  if not oldest then record.bytes = 0 end
end

-- Forgets the request streams of a session that nobody can resume any more, and the oldest beyond those that are kept.
-- A request that is still being worked on can be resumed before it has any events.
-- The logs' keys begin with logs, and are of the hash's slot.
local function makeRoom(hash, logs, now, ttl)
  local count = redis.call('HLEN', hash)
  if count < ${MAX_STREAMS} then return end
  local ended = {}
  local fields = redis.call('HGETALL', hash)
  for index = 1, #fields, 2 do
    local field, record = fields[index], parseRecord(fields[index + 1])
    local isOver = record.state ~= 'o' or record.refreshed + ttl <= now
      or count >= ${MAX_OPEN_STREAMS} and not isHeld(record.holder)
    if field ~= '${MAIN_FIELD}' and isOver and redis.call('EXISTS', logs .. field) == 0 then
      redis.call('HDEL', hash, field)
    elseif record.state == 'e' then
      ended[#ended + 1] = { field = field, at = record.refreshed }
    end
  end
  table.sort(ended, function(a, b) return a.at < b.at end)
  for index = 1, #ended - ${MAX_ENDED_STREAMS} do
    redis.call('HDEL', hash, ended[index].field)
    redis.call('UNLINK', logs .. ended[index].field)
  end
end
`;
