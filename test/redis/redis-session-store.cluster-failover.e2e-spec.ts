import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { CLUSTER_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';

// A failover takes longer than anything else here.
jest.setTimeout(60_000);

/** node-redis takes five seconds until it asks anew who has which slots. */
const PATIENCE_MS = 20_000;
/** Asks nobody else who has the slots of a node that it cannot reach, until that node is back. */
const SLOW_TO_NOTICE = 'node-redis 5';
const KINDS = Object.keys(CLUSTER_CLIENTS);
const metadata = { lastAccessedAt: 1, principal: 'p' };

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await RedisCluster.start({ replicas: true });
});

afterAll(() => cluster.dispose());

/** A store through each kind of client, all on the same sessions: a failover takes too long to have one for each. */
async function openStores(): Promise<[kind: string, store: RedisSessionStore][]> {
  return Promise.all(
    KINDS.map(async (kind): Promise<[string, RedisSessionStore]> => {
      const client = await CLUSTER_CLIENTS[kind]!(cluster.addresses);
      const store = new RedisSessionStore({ client, ownsClient: true, commandTimeoutMs: 3_000 });
      cleanUpLater(() => store.close());
      return [kind, store];
    }),
  );
}

describe('P6 when a primary of the Cluster dies', () => {
  it('no store says "absent" of its sessions, and all go on when a replica has taken over', async () => {
    const stores = await openStores();
    const [owner, other] = await cluster.primaries();
    const sessionId = await cluster.sessionIdOn(owner!, 'session');
    const doomed = await cluster.sessionIdOn(owner!, 'doomed');
    const elsewhere = await cluster.sessionIdOn(other!, 'elsewhere');
    for (const [kind, store] of stores) {
      await store.set(sessionId, metadata);
      await store.set(elsewhere, metadata);
      expect([kind, (await store.keys()).toSorted()]).toEqual([kind, [elsewhere, sessionId].toSorted()]);
    }
    await cluster.copied(owner!);
    const takeOver = await cluster.kill(owner!);

    await Promise.all(
      stores.map(async ([kind, store]) => {
        const answers = await Promise.allSettled([
          store.get(sessionId),
          store.has(sessionId),
          store.touch(sessionId),
          store.update(sessionId, { logLevel: 'info' }),
          store.set(sessionId, metadata),
          // What timed out may be carried out later, so it is another one.
          store.delete(doomed),
          store.keys(),
          store.clear(),
        ]);
        for (const [index, answer] of answers.entries()) {
          const reason = { code: 'SESSION_STORE_UNAVAILABLE' };
          expect([kind, index, answer]).toMatchObject([kind, index, { status: 'rejected', reason }]);
        }
      }),
    );

    await takeOver();
    await Promise.all(stores.filter(([kind]) => kind !== SLOW_TO_NOTICE).map(goesOn));
    await cluster.bringBack();
    await Promise.all(stores.map(goesOn));

    async function goesOn([kind, store]: (typeof stores)[number]): Promise<void> {
      const read = (): Promise<unknown> => store.get(sessionId).catch(() => undefined);
      expect(await eventually(`the session through ${kind}`, read, PATIENCE_MS)).toMatchObject(metadata);
      await store.update(sessionId, { logLevel: 'debug' });
      const list = (): Promise<string[] | undefined> => store.keys().catch(() => undefined);
      expect(await eventually(`the list through ${kind}`, list, PATIENCE_MS)).toContain(sessionId);
    }
  });
});
