import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import type { Session } from '../../libs/mcp-sessions/src/client-sessions/sessions.interface.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { closeClient, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisServer } from '../support/redis/redis-server.js';

const session = (fields: Partial<Session> = {}): Session => ({
  sessionId: 'session',
  userId: 'user',
  serverUrl: 'https://mcp.example.com',
  callbackUrl: 'https://app.example.com/callback',
  transportType: 'sse',
  status: 'active',
  createdAt: Date.now(),
  ...fields,
});

describe('RedisStorageBackend', () => {
  it('P6 says that Redis is away, by every method, and never that there is no session', async () => {
    const away = await RedisServer.start({ appendOnly: true });
    cleanUpLater(() => away.dispose());
    const ownClient = new Redis(away.port, { maxRetriesPerRequest: 1 });
    ownClient.on('error', () => undefined);
    cleanUpLater(() => ownClient.disconnect());
    const sessions = new RedisStorageBackend(ownClient, { commandTimeoutMs: 300 });
    await sessions.create(session());
    await away.stop();
    const calls: Promise<unknown>[] = [
      sessions.get('user', 'session'),
      sessions.list('user'),
      sessions.listIds('user'),
      sessions.listAllIds(),
      sessions.create(session({ sessionId: 'other' })),
      sessions.update('user', 'session', { serverName: 'x' }),
      sessions.delete('user', 'session'),
      sessions.clearAll(),
      sessions.cleanupExpired(),
      sessions.withLock('user', 'session', async () => undefined),
    ];
    for (const outcome of await within('every method to settle', Promise.allSettled(calls))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SESSIONS_UNAVAILABLE' } });
    }
    await away.restart();
    const isBack = async () => (await sessions.get('user', 'session').catch(() => null)) !== null;
    await eventually('the session to be back', isBack, 10_000);
  });

  it.each(Object.entries(STANDALONE_CLIENTS))(
    'tells an error that Redis answers with from a Redis that is away, through %s',
    async (_, makeClient) => {
      const server = await RedisServer.start();
      cleanUpLater(() => server.dispose());
      const client = await makeClient({ host: '127.0.0.1', port: server.port });
      cleanUpLater(() => closeClient(client));
      const sessions = new RedisStorageBackend(client, { commandTimeoutMs: 500 });
      await sessions.create(session());
      await server.command('config', 'set', 'maxmemory', '1');
      const tokens = { access_token: 'hush' };
      const refused = sessions.create(session({ sessionId: 'other', tokens }));
      await expect(refused).rejects.toMatchObject({
        code: 'SESSIONS_UNAVAILABLE',
        message: 'Redis has answered with an error: OOM',
        cause: { message: expect.stringMatching(/^OOM (?!.*hush)/) as unknown },
      });
      await server.stop();
      await expect(sessions.get('user', 'session')).rejects.toMatchObject({
        code: 'SESSIONS_UNAVAILABLE',
        message: 'Redis cannot be reached',
      });
    },
  );
});
