import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { cleanUpLater } from '../support/clean-up.js';
import { CLUSTER_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';

const MOVED_SLOTS = 2_000;
const SESSIONS = Array.from({ length: 90 }, (_, index) => `session-${index}`).toSorted();
const KINDS = Object.keys(CLUSTER_CLIENTS);

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);

afterAll(() => cluster.dispose());

async function openStore(kind: string): Promise<RedisSessionStore> {
  const client: RedisClient = await CLUSTER_CLIENTS[kind]!(cluster.addresses);
  const store = new RedisSessionStore({ client, ownsClient: true });
  cleanUpLater(() => store.close());
  return store;
}

/** Stores that know the Cluster as it was before slots, and sessions in them, moved to a new primary. */
async function outdatedStores(): Promise<[kind: string, store: RedisSessionStore][]> {
  const stores = await Promise.all(KINDS.map(async (kind) => [kind, await openStore(kind)] as const));
  for (const [kind, store] of stores) expect([kind, await store.keys()]).toEqual([kind, []]);
  await fill(stores[0]![1]);
  const [former] = cluster.nodes;
  const newcomer = await cluster.addPrimary();
  await cluster.moveSlots(former!, newcomer, MOVED_SLOTS);
  expect(await newcomer.command('dbsize')).toBeGreaterThan(0);
  return stores.map(([kind, store]) => [kind, store]);
}

async function fill(store: RedisSessionStore): Promise<void> {
  await Promise.all(SESSIONS.map((id) => store.set(id, { lastAccessedAt: 1 })));
}

describe('After a resharding of the Cluster that clients have not heard of', () => {
  it('every store finds all sessions', async () => {
    const stores = await outdatedStores();
    for (const [kind, store] of stores) {
      expect([kind, (await store.keys()).toSorted()]).toEqual([kind, SESSIONS]);
    }
    await stores[0]![1].clear();
  });

  it('every store removes all sessions', async () => {
    const stores = await outdatedStores();
    const informed = await openStore(KINDS[0]!);
    for (const [kind, store] of stores) {
      await fill(informed);
      await store.clear();
      expect([kind, await informed.keys()]).toEqual([kind, []]);
      for (const node of cluster.nodes) expect([kind, await node.command('dbsize')]).toEqual([kind, 0]);
    }
  });
});
