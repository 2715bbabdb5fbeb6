import { redisScript } from '../../redis/redis-script.js';

/** Extends a lock, or lets go of it, if it is still the caller's. */
export const HOLD_LOCK = redisScript(
  'hold-lock',
  `
-- KEYS  1  the lock
-- ARGV  1  the token it was taken with
--       2  how long it is held from now on, in milliseconds; 0: no longer
-- Answer: 1 if it is the caller's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
`,
);
