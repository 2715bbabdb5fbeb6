import { redisScript } from '../redis-script.js';

/** Reads sessions and has each live as long again as it was stored for. */
export const TOUCH_SESSIONS = redisScript(
  'touch-sessions',
  `
-- KEYS  the sessions
-- ARGV  1  now, in milliseconds since the epoch
-- Answer: for each session its record, as it was; false where there is none
--
-- The time of the last access is written only when it is out of date by more than a tenth of the lifetime, and
-- not at all when the server has no memory left. A damaged record is left as it is.
local now = tonumber(ARGV[1])
local answer = redis.call('MGET', unpack(KEYS))
for i, record in ipairs(answer) do
  if record then
    local lifetime, lastAccessedAt, rest = string.match(record, '^(%d+) (%S+)()')
    local before = tonumber(lastAccessedAt)
    if before then
      redis.call('PEXPIRE', KEYS[i], lifetime)
      if now - before > lifetime / 10 then
        redis.pcall('SET', KEYS[i], lifetime .. ' ' .. ARGV[1] .. string.sub(record, rest), 'KEEPTTL')
      end
    end
  end
end
return answer
`,
);
