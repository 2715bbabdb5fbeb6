import { Redis } from 'ioredis';

/** All hashes, sorted sets and strings whose keys begin with the prefix, as text. */
export async function readStrings(ports: number[], prefix: string): Promise<string> {
  const found: unknown[] = [];
  for (const port of ports) {
    const client = new Redis(port);
    try {
      for (const key of await client.keys(`${prefix}*`)) found.push(key, await readKey(client, key));
    } finally {
      client.disconnect();
    }
  }
  return found.flat().join('\n');
}

async function readKey(client: Redis, key: string): Promise<unknown> {
  switch (await client.type(key)) {
    case 'hash':
      return Object.entries(await client.hgetall(key)).flat();
    case 'zset':
      return client.zrange(key, '0', '-1');
    default:
      return client.get(key);
  }
}
