import { redisScript } from '../redis-script.js';

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
-- A record is taken apart no further than needed, which is what costs most here: see stream-record.lua.ts.
local forgets = ARGV[2] == '1'
local released = 0
for index, hash in ipairs(KEYS) do
  local field, claim, delivered, broadcast = string.match(ARGV[2 + index], '^(%S+) (%S+) (%S+) (%S+)$')
  local record = redis.call('HGET', hash, field)
  local log, place, found, lastDelivered, lastBroadcast, rest =
    string.match(record or '', '^(%d+ %d+ %a %d+ %d+) %S+ (%S+ %d+) (%S+) (%d+) (%S+) (.*)$')
  if found == claim or found == '!' .. claim then
    if forgets then
      redis.call('HDEL', hash, field)
    else
      if delivered == '-' then delivered, broadcast = lastDelivered, lastBroadcast end
      local words = { log, '-', place, claim, delivered, broadcast, rest }
      redis.call('HSET', hash, field, table.concat(words, ' '))
    end
    released = released + 1
  end
end
return released
`,
);
