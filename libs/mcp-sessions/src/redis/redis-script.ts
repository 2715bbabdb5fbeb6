import { createHash } from 'node:crypto';
import type { RedisScript } from './redis-connection.interface.js';

/**
 * A Lua script. Its file `<name>.lua.ts` holds the text as a string, since the compiler copies no other files, and
 * begins with Lua comments that document KEYS, ARGV and the answer.
 */
export function redisScript(name: string, text: string): RedisScript {
  return { name, text, sha1: createHash('sha1').update(text).digest('hex') };
}
