import { redisScript } from '../redis-script.js';

/** Takes a client's answer to a request: once, and for the instance that asked. */
export const CLAIM_REQUEST = redisScript(
  'claim-request',
  `
-- KEYS  1  the session's requests
-- ARGV  1  session
--       2  request
--       3  the id of the calling instance
--       4  what the names of instances' channels begin with
--       5  the answer
--       6  a word that only this call uses, so that a repetition is recognised
-- Answer: 1 if it went to another instance; 0 if the caller asked itself, or nobody did; 2 if another answer has come
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if not entry then return 0 end
local deadline, state, who, rest = string.match(entry, '^(%d+) (%a) (%S+)(.*)$')
if state == 'a' then return who == ARGV[6] and 1 or 2 end
if tonumber(deadline) <= now or who == ARGV[3] then
  redis.call('HDEL', KEYS[1], ARGV[2])
  return 0
end
-- Kept until the instance that asked has it: a message alone may be missed.
redis.call('HSET', KEYS[1], ARGV[2], deadline .. ' a ' .. ARGV[6] .. ' ' .. ARGV[5])
redis.call('PUBLISH', ARGV[4] .. who, 'a' .. ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. #ARGV[5] .. '\\n' .. ARGV[5])
return 1
`,
);
