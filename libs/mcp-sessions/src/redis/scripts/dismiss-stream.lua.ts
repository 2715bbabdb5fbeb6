import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Has the connection that holds a stream closed, on whichever instance that is. */
export const DISMISS_STREAM = redisScript(
  'dismiss-stream',
  `
-- KEYS  1  the session's hash
-- ARGV  1  session
--       2  field
--       3  what the names of instances' channels begin with
--       4  the last broadcast that the caller knows
-- Answer: 1 if somebody was told, else 0
${STREAM_RECORD_LUA}
local record = readRecord(KEYS[1], ARGV[2])
if not record or record.holder == '-' then return 0 end
redis.call('PUBLISH', ARGV[3] .. instanceOf(record.holder), 'r' .. ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. record.generation .. '\\n')
-- Whoever held it says more exactly what was delivered; if the message is lost, it finds that the stream is another's.
record.holder, record.claim, record.delivered, record.broadcast = '-', '!' .. record.claim, record.last, ARGV[4]
writeRecord(KEYS[1], ARGV[2], record)
return 1
`,
);
