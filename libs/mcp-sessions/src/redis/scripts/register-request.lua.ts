import { redisScript } from '../redis-script.js';

/** Notes which instance sent the client a request, so that the answer finds it. */
export const REGISTER_REQUEST = redisScript(
  'register-request',
  `
-- KEYS  1  the session's requests
-- ARGV  1  request
--       2  the id of the calling instance
--       3  how long it waits for the answer, in milliseconds
-- Answer: 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lifetime = tonumber(ARGV[3])
-- Requests that nobody answered leave with the next ones.
if redis.call('HLEN', KEYS[1]) >= 32 then
  local entries = redis.call('HGETALL', KEYS[1])
  for index = 1, #entries, 2 do
    if tonumber(string.match(entries[index + 1], '^%d+')) <= now then redis.call('HDEL', KEYS[1], entries[index]) end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now + lifetime) .. ' w ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], lifetime)
return 1
`,
);
