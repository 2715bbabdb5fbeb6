import { redisScript } from '../redis-script.js';
import { STREAM_RECORD_LUA } from './stream-record.lua.js';

/** Ends all streams of a session, and forgets all that was kept for it. */
export const DELETE_STREAMS = redisScript(
  'delete-streams',
  `
-- KEYS  1  the session's hash
--       2  the session's questions
-- ARGV  1  session
--       2  the id of the calling instance
--       3  what the names of instances' channels begin with
--       4  what the names of the session's logs begin with; they are of the hash's slot
-- Answer: how many streams there were
${STREAM_RECORD_LUA}
local fields = redis.call('HGETALL', KEYS[1])
local told = { [ARGV[2]] = true, ['-'] = true }
for index = 1, #fields, 2 do
  redis.call('UNLINK', ARGV[4] .. fields[index])
  local holder = parseRecord(fields[index + 1]).holder
  if not told[holder] then
    told[holder] = true
    redis.call('PUBLISH', ARGV[3] .. holder, 'd' .. ARGV[1] .. '\\n')
  end
end
redis.call('UNLINK', KEYS[1], KEYS[2])
return #fields / 2
`,
);
