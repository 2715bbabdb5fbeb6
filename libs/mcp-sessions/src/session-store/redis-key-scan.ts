import type { RedisConnection } from '../redis/redis-connection.interface.js';

/** Keys that match a pattern, on every primary, in batches of some size near `batch`. A key may come twice. */
export async function* scanKeys(
  redis: RedisConnection,
  matchPattern: string,
  batch: number,
): AsyncGenerator<string[], void, undefined> {
  for (const node of await redis.primaries()) {
    let cursor = '0';
    do {
      const answer = await node.command(undefined, 'scan', cursor, 'match', matchPattern, 'count', batch);
      const [next, keys] = answer as [string, string[]];
      yield keys;
      cursor = String(next);
    } while (cursor !== '0');
  }
}

/** Removes keys without holding the server up; in a Cluster one at a time, since they are in different slots. */
export async function removeKeys(redis: RedisConnection, keys: string[]): Promise<void> {
  if (keys.length === 0) return;
  if (redis.isCluster) await Promise.all(keys.map((key) => redis.command(key, 'unlink', key)));
  else await redis.command(keys[0], 'unlink', ...keys);
}
