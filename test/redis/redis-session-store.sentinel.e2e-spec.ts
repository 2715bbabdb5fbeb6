import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { sessionStoreContract } from '../../libs/mcp-sessions/src/testing/session-store.contract.js';
import '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { SENTINEL_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisSentinel } from '../support/redis/redis-sentinel.js';

describe.each(Object.entries(SENTINEL_CLIENTS))('Sessions behind a Sentinel, through %s', (_, makeClient) => {
  let sentinel: RedisSentinel;
  let stores = 0;

  beforeAll(async () => {
    sentinel = await RedisSentinel.start();
  }, 30_000);

  afterAll(() => sentinel.dispose());

  const create = async (prefix = `store-${(stores += 1)}:`) => {
    const client = await makeClient(sentinel.address);
    return new RedisSessionStore({ client, ownsClient: true, prefix, commandTimeoutMs: 1_000 });
  };

  sessionStoreContract({ describe, it }, { name: 'RedisSessionStore', create: () => create() });

  it('P6 goes on with the new primary after a failover, with what the old one had replicated', async () => {
    const store = await create('kept:');
    await store.set('session', { lastAccessedAt: 1, principal: 'p' });
    for (const server of sentinel.servers) {
      await eventually(
        'the session on both',
        async () => (await server.command('exists', 'kept:{session}')) === 1,
      );
    }
    await sentinel.failOver();
    const metadata = await eventually(
      'the session on the new primary',
      () => store.get('session').catch(() => undefined),
      15_000,
    );
    expect(metadata).toEqual({ lastAccessedAt: 1, principal: 'p' });
    await eventually(
      'writes',
      () =>
        store.set('session', { lastAccessedAt: 2 }).then(
          () => true,
          () => false,
        ),
      15_000,
    );
    expect(await store.get('session')).toEqual({ lastAccessedAt: 2 });
    // Connections to the lost server, which node-redis goes on trying to make, come to their end.
    await sentinel.bringBack();
    await store.close();
  }, 60_000);
});
