import { redisScript } from '../redis-script.js';

/** Reads the answer to a request of the calling instance. */
export const TAKE_ANSWER = redisScript(
  'take-answer',
  `
-- KEYS  1  the session's requests
-- ARGV  1  request
-- Answer: the client's answer, or nothing if there is none yet
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return false end
local answer = string.match(entry, '^%d+ a %S+ (.*)$')
return answer or false
`,
);
