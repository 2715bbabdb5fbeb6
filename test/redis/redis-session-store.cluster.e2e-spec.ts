import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { Cluster as ValkeyCluster } from 'iovalkey';
import { createCluster } from 'redis';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { sessionStoreContract } from '../../libs/mcp-sessions/src/testing/session-store.contract.js';
import { cleanUpLater } from '../support/clean-up.js';
import { CLUSTER_CLIENTS, closeClient } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';

let cluster: RedisCluster;
let stores = 0;

beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);

afterAll(() => cluster.dispose());

describe.each(Object.entries(CLUSTER_CLIENTS))('P1 sessions in a Cluster, through %s', (_, makeClient) => {
  const create = async (prefix = `store-${(stores += 1)}:`) => {
    const client = await makeClient(cluster.addresses);
    return new RedisSessionStore({ client, ownsClient: true, prefix });
  };

  sessionStoreContract({ describe, it }, { name: 'RedisSessionStore', create: () => create() });

  it('finds and clears sessions on every primary, and leaves those of other prefixes', async () => {
    const store = await create('cleared:');
    const other = await create('cleared:too:');
    const ids = Array.from({ length: 60 }, (_, index) => `session-${index}`);
    await Promise.all(ids.map((id) => store.set(id, { lastAccessedAt: 1 })));
    await other.set('session', { lastAccessedAt: 1 });
    for (const node of cluster.nodes) expect(await node.command('dbsize')).toBeGreaterThan(0);
    expect((await store.keys()).toSorted()).toEqual(ids.toSorted());
    await store.clear();
    expect(await store.keys()).toEqual([]);
    expect(await other.keys()).toEqual(['session']);
    await other.clear();
    await Promise.all([store.close(), other.close()]);
  });
});

describe('A Cluster whose nodes have other addresses for clients than for each other', () => {
  const inside = () => cluster.nodes.map(({ port }) => `127.0.0.1:${port}`);
  const outside = () => cluster.nodes.map(({ port }) => ({ host: 'localhost', port }));
  const map = () => Object.fromEntries(inside().map((address, index) => [address, outside()[index]!]));

  it.each<[string, () => RedisClient | Promise<RedisClient>]>([
    ['ioredis 6', () => new Cluster(outside(), { natMap: map() })],
    ['iovalkey', () => new ValkeyCluster(outside(), { natMap: (address) => map()[address] ?? null })],
    [
      'node-redis 6',
      () =>
        createCluster({
          rootNodes: cluster.nodes.map(({ port }) => ({ url: `redis://localhost:${port}` })),
          nodeAddressMap: map(),
        })
          .on('error', () => undefined)
          .connect(),
    ],
  ])('tells all its sessions, through %s', async (_, makeClient) => {
    const client = await makeClient();
    cleanUpLater(() => closeClient(client));
    const store = new RedisSessionStore({ client, prefix: 'mapped:' });
    const ids = Array.from({ length: 60 }, (__, index) => `session-${index}`);
    await Promise.all(ids.map((id) => store.set(id, { lastAccessedAt: 1 })));
    expect((await store.keys()).toSorted()).toEqual(ids.toSorted());
    await store.clear();
  });
});

describe('A user of a Cluster who may do what the guide says', () => {
  const user = { username: 'mcp', password: 'secret' };
  const allowed = '~mcp:* &mcp:* +@read +@write +@pubsub +@scripting +@connection +info +time +cluster';

  beforeAll(async () => {
    for (const node of cluster.nodes) {
      await node.command('acl', 'setuser', user.username, 'on', `>${user.password}`, ...allowed.split(' '));
    }
  });

  it.each<[string, () => RedisClient | Promise<RedisClient>]>([
    ['ioredis 6', () => new Cluster(cluster.addresses, { redisOptions: user })],
    [
      'node-redis 6',
      () =>
        createCluster({
          rootNodes: cluster.addresses.map(({ host, port }) => ({ url: `redis://${host}:${port}` })),
          defaults: user,
        })
          .on('error', () => undefined)
          .connect(),
    ],
  ])('can list and clear sessions, through %s', async (_, makeClient) => {
    const client = await makeClient();
    cleanUpLater(() => closeClient(client));
    const store = new RedisSessionStore({ client });
    await store.set('session', { lastAccessedAt: 1 });
    expect(await store.keys()).toEqual(['session']);
    await store.clear();
    expect(await store.keys()).toEqual([]);
  });
});
