import { redisScript } from '../../redis/redis-script.js';

/** Lists the ids of users' sessions. */
export const LIST_IDS = redisScript(
  'list-ids',
  `
-- KEYS  for each user the ends of the sessions
-- ARGV  1  now, in milliseconds since the epoch
-- Answer: for each user the encoded ids, with a line break after each. One text, because a hundred are slower to send
-- and to read.
local answer = {}
for i, ends in ipairs(KEYS) do
  local ids = redis.call('ZRANGEBYSCORE', ends, '(' .. ARGV[1], '+inf')
  ids[#ids + 1] = ''
  answer[i] = table.concat(ids, '\\n')
end
return answer
`,
);
