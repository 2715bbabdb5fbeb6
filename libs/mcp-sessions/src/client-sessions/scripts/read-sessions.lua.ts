import { redisScript } from '../../redis/redis-script.js';
import { USER_SESSIONS_LUA } from './user-sessions.lua.js';

/** Reads sessions of a user, and records that they are used. */
export const READ_SESSIONS = redisScript(
  'read-sessions',
  `
-- KEYS  1  the hash of the user's sessions
--       2  their ends
-- ARGV  1  now; times are in milliseconds since the epoch
--       2  the end of an active session that is used now
--       3  an end that is earlier than this is written anew
--       4… the sessions' encoded ids; none: all of the user's
-- Answer: for each session that there is a line with its id, a space and its record. One text, because a hundred are
-- slower to send and to read; neither ids nor records have line breaks in them.
${USER_SESSIONS_LUA}
local now = tonumber(ARGV[1])
local ids, endings = {}, {}
if #ARGV > 3 then
  for i = 4, #ARGV do
    ids[#ids + 1] = ARGV[i]
    endings[#ids] = tonumber(redis.call('ZSCORE', ends, ARGV[i]) or '0')
  end
else
  local all = redis.call('ZRANGEBYSCORE', ends, '(' .. ARGV[1], '+inf', 'WITHSCORES')
  for i = 1, #all, 2 do
    ids[#ids + 1] = all[i]
    endings[#ids] = tonumber(all[i + 1])
  end
end
local lines, used = {}, false
-- A call takes some thousand arguments at most.
for first = 1, #ids, 1000 do
  local last = math.min(first + 999, #ids)
  local records = redis.call('HMGET', hash, unpack(ids, first, last))
  for i = first, last do
    local record = endings[i] > now and records[i - first + 1]
    if record then lines[#lines + 1] = ids[i] .. ' ' .. record end
    if record and endings[i] < tonumber(ARGV[3]) and string.sub(record, 1, 1) == 'a' then
      redis.call('ZADD', ends, 'XX', ARGV[2], ids[i])
      used = true
    end
  end
end
if used then keepUntilLastEnd() end
return table.concat(lines, '\\n')
`,
);
