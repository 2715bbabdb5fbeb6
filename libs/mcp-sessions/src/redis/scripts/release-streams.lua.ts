import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Lets go of streams, and keeps what their connections were last handed. A stream that was taken over stays as it is. */
export const RELEASE_STREAMS = redisScript(
  'release-streams',
  `
-- KEYS  for each stream the session's hash
-- ARGV  1  the id of the calling instance
--       2  1 to forget the streams: nothing is kept for resuming
--       then for each stream: field, generation, offset and broadcast last delivered
-- Answer: how many were let go of
${STREAM_RECORD_LUA}
local released = 0
for index, hash in ipairs(KEYS) do
  local first = 3 + (index - 1) * 4
  local field, generation = ARGV[first], tonumber(ARGV[first + 1])
  local record = readRecord(hash, field)
  if record and record.generation == generation and (record.holder == ARGV[1] or record.holder == '-') then
    if ARGV[2] == '1' then
      redis.call('HDEL', hash, field)
    else
      record.holder = '-'
      record.delivered = tonumber(ARGV[first + 2])
      record.broadcast = ARGV[first + 3]
      writeRecord(hash, field, record)
    end
    released = released + 1
  end
end
return released
`,
);
