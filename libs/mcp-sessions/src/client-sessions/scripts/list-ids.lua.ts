import { redisScript } from '../../redis/redis-script.js';

/** Lists the ids of users' sessions. */
export const LIST_IDS = redisScript(
  'list-ids',
  `
-- KEYS  for each user the ends of the sessions
-- ARGV  1  now, in milliseconds since the epoch
--       2  how many sessions to look at in all
-- Answer: for each user the encoded ids, with a line break after each; false if they are too many. One text, because a
-- hundred are slower to send and to read.
local answer, left = {}, tonumber(ARGV[2])
for i, ends in ipairs(KEYS) do
  local count = redis.call('ZCARD', ends)
  if count > left then
    answer[i] = false
  else
    local ids = redis.call('ZRANGEBYSCORE', ends, '(' .. ARGV[1], '+inf')
    ids[#ids + 1] = ''
    answer[i] = table.concat(ids, '\\n')
    left = left - count
  end
end
return answer
`,
);
