import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Lets go of streams, and keeps what their connections were last handed. A stream that was taken over stays as it is. */
export const RELEASE_STREAMS = redisScript(
  'release-streams',
  `
-- KEYS  for each stream the session's hash
-- ARGV  1  the id of the calling instance
--       2  1 to forget the streams: nothing is kept for resuming
--       then for each stream a line of words: field, the claim of its connection, offset and broadcast last delivered;
--          - for both to leave those as they are
-- Answer: how many were let go of
${STREAM_RECORD_LUA}
local released = 0
for index, hash in ipairs(KEYS) do
  local field, claim, delivered, broadcast = string.match(ARGV[2 + index], '^(%S+) (%S+) (%S+) (%S+)$')
  local record = readRecord(hash, field)
  if record and record.claim == claim then
    if ARGV[2] == '1' then
      redis.call('HDEL', hash, field)
    else
      record.holder = '-'
      if delivered ~= '-' then record.delivered, record.broadcast = tonumber(delivered), broadcast end
      writeRecord(hash, field, record)
    end
    released = released + 1
  end
end
return released
`,
);
