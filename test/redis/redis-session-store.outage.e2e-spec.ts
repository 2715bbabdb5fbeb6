import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { clientFromUrl } from '../../libs/mcp-sessions/src/redis/client-from-url.js';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { SessionStoreUnavailableError } from '../../libs/mcp-sessions/src/session-store/session-store.errors.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { closeClient, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisServer } from '../support/redis/redis-server.js';

const COMMAND_TIMEOUT_MS = 300;

const clients: Record<
  string,
  (address: { host: string; port: number }) => RedisClient | Promise<RedisClient>
> = {
  ...STANDALONE_CLIENTS,
  'a client made from a URL': ({ host, port }) =>
    clientFromUrl(`redis://${host}:${port}`, { commandTimeoutMs: COMMAND_TIMEOUT_MS }),
};

describe.each(Object.entries(clients))('P6 when Redis is away, through %s', (_, makeClient) => {
  let server: RedisServer;
  let client: RedisClient;
  let store: RedisSessionStore;

  beforeAll(async () => {
    server = await RedisServer.start({ appendOnly: true });
    client = await makeClient({ host: '127.0.0.1', port: server.port });
    store = new RedisSessionStore({ client, commandTimeoutMs: COMMAND_TIMEOUT_MS });
    await store.set('session', { lastAccessedAt: 1, principal: 'p' });
  });

  afterEach(async () => {
    server.resume();
    await server.restart();
    const isBack = () => store.has('session').catch(() => false);
    await eventually('the store to be of use again', isBack, 15_000);
  });

  afterAll(async () => {
    closeClient(client);
    await server.dispose();
  });

  const everyMethod = (): Promise<unknown>[] => [
    store.get('session'),
    store.has('session'),
    store.touch('session'),
    store.update('session', { logLevel: 'info' }),
    store.set('other', { lastAccessedAt: 1 }),
    store.setWithTTL('other', { lastAccessedAt: 1 }, 60_000),
    store.delete('other'),
    store.keys(),
    store.clear(),
  ];

  /** Every method rejects as it should, and none much later than the command timeout. */
  const expectOutage = async () => {
    const startedAt = performance.now();
    for (const answer of await Promise.allSettled(everyMethod())) {
      expect(answer).toMatchObject({ status: 'rejected' });
      const { reason } = answer as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(SessionStoreUnavailableError);
      // Not by its class: an error of the socket comes from outside the test's realm.
      expect((reason as Error).cause).toMatchObject({ message: expect.stringMatching(/\w/) });
    }
    expect(performance.now() - startedAt).toBeLessThan(COMMAND_TIMEOUT_MS + 1_000);
  };

  it('every method says so within the command timeout, and none says "absent"', async () => {
    await server.stop('SIGKILL');
    await expectOutage();
    await server.restart();
    const metadata = await eventually('the store', () => store.get('session').catch(() => undefined), 15_000);
    expect(metadata).toMatchObject({ principal: 'p' });
  });

  it('the same when it hangs with its connections open', async () => {
    server.pause();
    await expectOutage();
    server.resume();
    const metadata = await eventually('the store', () => store.get('session').catch(() => undefined), 15_000);
    expect(metadata).toMatchObject({ principal: 'p' });
  });
});

/** ioredis keeps what waits to be written until `maxRetriesPerRequest` is exhausted. */
const TAKING_BACK = Object.entries(clients).filter(([name]) => /node-redis|from a URL/.test(name));

describe.each(TAKING_BACK)('P6 what was given up while Redis was away, through %s', (_, makeClient) => {
  it.each(['on a connection that was lost', 'before the first answer'])(
    'is not done later: %s',
    async (when) => {
      const server = await RedisServer.start();
      cleanUpLater(() => server.dispose());
      const client = await makeClient({ host: '127.0.0.1', port: server.port });
      cleanUpLater(() => closeClient(client));
      const store = new RedisSessionStore({ client, commandTimeoutMs: COMMAND_TIMEOUT_MS });
      if (when === 'on a connection that was lost') await store.set('before', { lastAccessedAt: 1 });
      await server.stop('SIGKILL');
      const outcomes = await Promise.allSettled(
        Array.from({ length: 50 }, (_unused, index) => store.set(`session-${index}`, { lastAccessedAt: 1 })),
      );
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
      await server.restart();
      await eventually(
        'the store to be of use again',
        () =>
          store.set('after', { lastAccessedAt: 1 }).then(
            () => true,
            () => false,
          ),
        15_000,
      );
      expect(await store.keys()).toEqual(['after']);
    },
  );
});
