import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import { InvalidConfigurationError } from '../../libs/mcp-sessions/src/common/errors.js';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { RedisStreamManager } from '../../libs/mcp-sessions/src/streams/redis-stream-manager.js';
import { sessionOf } from '../../libs/mcp-sessions/src/testing/client-sessions-case.js';
import { cleanUpLater } from '../support/clean-up.js';
import { closeClient, CLUSTER_CLIENTS, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import { RedisServer } from '../support/redis/redis-server.js';

const KIND = 'ioredis 6';
let cluster: RedisCluster;
let server: RedisServer;

beforeAll(async () => {
  [cluster, server] = await Promise.all([RedisCluster.start(), RedisServer.start()]);
}, 30_000);

afterAll(() => Promise.all([cluster.dispose(), server.dispose()]));

async function makeTwo(make: () => RedisClient | Promise<RedisClient>): Promise<[RedisClient, RedisClient]> {
  const two: [RedisClient, RedisClient] = [await make(), await make()];
  cleanUpLater(() => two.forEach(closeClient));
  return two;
}

/** Uses keys of every kind with this prefix, and looks whether what was stored is there. */
async function useAll([client, pubSubClient]: [RedisClient, RedisClient], prefix: string): Promise<void> {
  const store = new RedisSessionStore({ client, prefix: `${prefix}store:` });
  await store.set('session', { lastAccessedAt: 1 });
  expect(await store.keys()).toEqual(['session']);
  const users = new RedisStorageBackend(client, { prefix: `${prefix}users:` });
  await users.create(sessionOf({ now: () => Date.now() }));
  expect(await users.listIds('user')).toEqual(['session']);
  const manager = new RedisStreamManager({ client, pubSubClient, prefix: `${prefix}stream:` });
  cleanUpLater(() => manager.close());
  await manager.send(['session'], 'data: x\n\n');
  await manager.send(undefined, 'data: x\n\n');
  await manager.delete('session');
}

describe('A prefix with braces', () => {
  it.each(['{app}:', 'a{b:', 'x}y:', '{', 'a{b}{}:'])('%j can be had in a Cluster', async (prefix) => {
    await useAll(await makeTwo(() => CLUSTER_CLIENTS[KIND]!(cluster.addresses)), prefix);
  });

  it.each(['{}:', 'a{}b{c}:'])('%j, which takes hash tags away, is refused in a Cluster', async (prefix) => {
    const [client, pubSubClient] = await makeTwo(() => CLUSTER_CLIENTS[KIND]!(cluster.addresses));
    const refused = [
      () => new RedisStreamManager({ client, pubSubClient, prefix }),
      () => new RedisStorageBackend(client, { prefix }),
    ];
    for (const create of refused) {
      expect(create).toThrow(InvalidConfigurationError);
      expect(create).toThrow(/prefix must not have `\{\}` in a Cluster/);
    }
  });

  it.each(['{}:', 'a{}b{c}:'])('%j can be had on one server', async (prefix) => {
    await useAll(
      await makeTwo(() => STANDALONE_CLIENTS[KIND]!({ host: '127.0.0.1', port: server.port })),
      prefix,
    );
  });
});
