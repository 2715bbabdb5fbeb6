import { redisScript } from '../redis-script.js';

/** Reads the answers to requests of the calling instance. */
export const TAKE_ANSWERS = redisScript(
  'take-answers',
  `
-- KEYS  for each request: the requests of its session
-- ARGV  for each request: its id
-- Answer: for each request the client's answer, false if there is none yet
local answers = {}
for index, requests in ipairs(KEYS) do
  local entry = redis.call('HGET', requests, ARGV[index])
  answers[index] = entry and string.match(entry, '^%d+ a %S+ (.*)$') or false
end
return answers
`,
);
