import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { LazySessions } from '../../libs/mcp-sessions/src/client-sessions/lazy-sessions.js';
import { redisSessionsFromUrl } from '../../libs/mcp-sessions/src/client-sessions/redis-sessions-from-url.js';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import { sessionsFromEnvironment } from '../../libs/mcp-sessions/src/client-sessions/sessions-from-environment.js';
import type { Session } from '../../libs/mcp-sessions/src/client-sessions/sessions.interface.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
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

describe('The Redis of a URL', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = new Redis(server.port);
  });

  afterEach(() => void jest.restoreAllMocks());

  afterAll(async () => {
    client.disconnect();
    await server.dispose();
  });

  it('closes the client that it made for a URL, and makes another when it is used again', async () => {
    const environment = { REDIS_URL: server.url };
    const sessions = new LazySessions(() =>
      sessionsFromEnvironment((name) => environment[name as keyof typeof environment]),
    );
    const clients = async () =>
      String(await client.client('LIST'))
        .trim()
        .split('\n').length;
    const before = await clients();
    await sessions.create(session({ userId: 'from the environment' }));
    expect(await clients()).toBe(before + 1);
    await sessions.disconnect();
    await eventually('the connection to be closed', async () => (await clients()) === before);
    expect(await sessions.listIds('from the environment')).toEqual(['session']);
    await sessions.disconnect();
  });

  it('finishes what is under way before it closes the client that it made', async () => {
    const made = await redisSessionsFromUrl(server.url, {});
    await made.create(session());
    const creations = Array.from({ length: 40 }, (_, index) =>
      made.create(session({ sessionId: `${index}` })),
    );
    const working = made.withLock('user', 'session', () =>
      made.update('user', 'session', { serverName: 'under the lock' }),
    );
    await made.disconnect();
    await Promise.all([working, ...creations]);
    const other = new RedisStorageBackend(client);
    expect((await other.get('user', 'session'))?.serverName).toBe('under the lock');
    expect(await other.listIds('user')).toHaveLength(41);
    expect(await client.keys('*lock*')).toEqual([]);
  });

  it('closes the client that it made also when what is under way does not end', async () => {
    const made = await redisSessionsFromUrl(server.url, { commandTimeoutMs: 1_000, prefix: 'other:' });
    await made.create(session());
    let isWorking = false;
    let end = (): void => undefined;
    const working = made.withLock('user', 'session', () => {
      isWorking = true;
      return new Promise<void>((resolve) => (end = resolve));
    });
    await eventually('the lock', () => isWorking);
    cleanUpLater(() => end());
    await within('the client to be closed', made.disconnect());
    await expect(made.listIds('user')).rejects.toMatchObject({ code: 'SESSIONS_UNAVAILABLE' });
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    end();
    await working;
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/^The lock of a session could not be released/));
  });
});
