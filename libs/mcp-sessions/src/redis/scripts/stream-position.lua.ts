import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Says where the next connection of a stream goes on, and keeps that place for it. */
export const STREAM_POSITION = redisScript(
  'stream-position',
  `
-- KEYS  1  the session's hash
--       2  the stream's log
-- ARGV  1  field
--       2  epoch for a new log
--       3  the last broadcast that the caller knows
--       4  the time to live of a session's hash, in milliseconds
--       5  what the names of the session's logs begin with
--       6  the id of the calling instance
-- Answer: epoch, offset, broadcast
${STREAM_RECORD_LUA}
local hash, field = KEYS[1], ARGV[1]
local now = currentTime()
local record = readRecord(hash, field)
if not record then
  makeRoom(hash, ARGV[5], now, tonumber(ARGV[4]))
  record = newRecord(ARGV[2], 'o', ARGV[6])
  redis.call('DEL', KEYS[2])
end
if record.state == 'u' then record.state = 'o' end
if not isHeld(record.holder) and record.broadcast == '-' then record.broadcast = ARGV[3] end
record.refreshed = 0
keepRecord(hash, field, record, now, tonumber(ARGV[4]))
if not isHeld(record.holder) then return { record.epoch, record.delivered, record.broadcast } end
return { record.epoch, record.last, ARGV[3] }
`,
);
