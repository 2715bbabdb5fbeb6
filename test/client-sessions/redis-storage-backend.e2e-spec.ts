import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisSessionsFromUrl } from '../../libs/mcp-sessions/src/client-sessions/redis-sessions-from-url.js';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import { sessionsFromEnvironment } from '../../libs/mcp-sessions/src/client-sessions/sessions-from-environment.js';
import { LazySessions } from '../../libs/mcp-sessions/src/client-sessions/lazy-sessions.js';
import type { SessionLockedError } from '../../libs/mcp-sessions/src/client-sessions/sessions.errors.js';
import type { Session } from '../../libs/mcp-sessions/src/client-sessions/sessions.interface.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { CompiledSources } from './support/compiled-sources.js';

const DAY_MS = 86_400_000;

/** Takes the lock of a session and does not let go. */
const HOLDER = `
import { Redis } from 'ioredis';
import { RedisStorageBackend } from './client-sessions/redis-storage-backend.js';
const sessions = new RedisStorageBackend(new Redis(process.argv[2]), { prefix: process.argv[3] });
await sessions.withLock('user', 'session', async () => {
  console.log('held');
  await new Promise((resolve) => setTimeout(resolve, 1_000_000));
});
`;

describe('RedisStorageBackend', () => {
  let server: RedisServer;
  let client: Redis;
  let prefix: string;
  let now: number;
  let prefixes = 0;

  const open = (options = {}): RedisStorageBackend =>
    new RedisStorageBackend(client, { prefix, now: () => now, ...options });
  const session = (fields: Partial<Session> = {}): Session => ({
    sessionId: 'session',
    userId: 'user',
    serverUrl: 'https://mcp.example.com',
    callbackUrl: 'https://app.example.com/callback',
    transportType: 'sse',
    status: 'active',
    createdAt: now,
    ...fields,
  });
  const commandsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const count = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))![1]);
    const before = await count();
    await work();
    return (await count()) - before - 1;
  };

  beforeAll(async () => {
    server = await RedisServer.start();
    client = new Redis(server.port);
    client.on('error', () => undefined);
  });

  beforeEach(() => {
    prefix = `backend-${(prefixes += 1)}:`;
    now = Date.now();
  });

  afterAll(async () => {
    client.disconnect();
    await server.dispose();
  });

  it('lists all sessions of a user in one command', async () => {
    const sessions = open();
    for (let index = 0; index < 50; index += 1) await sessions.create(session({ sessionId: `${index}` }));
    let listed: Session[] = [];
    expect(await commandsOf(async () => (listed = await sessions.list('user')))).toBe(1);
    expect(listed).toHaveLength(50);
  });

  it('cleans up by what has ended, not by what exists', async () => {
    const sessions = open();
    const users = Array.from({ length: 200 }, (_, index) => `user ${index}`);
    await Promise.all(users.map((userId) => sessions.create(session({ userId }))));
    const idle = await commandsOf(() => sessions.cleanupExpired());
    await sessions.create(session({ userId: 'user 7', sessionId: 'late', status: 'pending' }));
    now += 600_000;
    const busy = await commandsOf(() => sessions.cleanupExpired());
    expect(await client.hkeys(`${prefix}{user%207}:sessions`)).toEqual(['session']);
    expect(busy - idle).toBeLessThan(20);
    expect(await commandsOf(() => sessions.cleanupExpired())).toBe(idle);
  });

  it('leaves nothing behind when all sessions have ended, and looks at no user again who was there since', async () => {
    const sessions = open();
    await sessions.create(session());
    await sessions.create(session({ userId: 'used' }));
    now += 20 * DAY_MS;
    await sessions.get('used', 'session');
    now += 10 * DAY_MS;
    await sessions.cleanupExpired();
    expect(await sessions.listAllIds()).toEqual(['session']);
    now += 30 * DAY_MS;
    await sessions.cleanupExpired();
    expect(await client.keys(`${prefix}*`)).toEqual([]);
  });

  it('has Redis itself free what nobody cleans up', async () => {
    const sessions = open();
    await sessions.create(session());
    await sessions.create(session({ sessionId: 'pending', status: 'pending' }));
    for (const key of [`${prefix}{user}:sessions`, `${prefix}{user}:ends`]) {
      const days = (await client.pttl(key)) / DAY_MS;
      expect(days).toBeGreaterThan(30);
      expect(days).toBeLessThan(30.1);
    }
  });

  it('clears its own sessions, and no others', async () => {
    const sessions = open();
    const others = open({ prefix: `${prefix}others:` });
    await others.create(session());
    await Promise.all(
      Array.from({ length: 1_200 }, (_, index) => sessions.create(session({ userId: `user ${index}` }))),
    );
    await client.set(`${prefix}{user}:sessions:mine`, 'kept');
    await sessions.clearAll();
    expect(await sessions.listAllIds()).toEqual([]);
    expect(await others.listAllIds()).toEqual(['session']);
    expect((await client.keys(`${prefix}*`)).filter((key) => !key.includes('others'))).toEqual([
      `${prefix}{user}:sessions:mine`,
    ]);
  });

  it('lets one instance at a time work under a lock', async () => {
    await open().create(session({ metadata: { count: '0' } }));
    let running = 0;
    const increment = (sessions: RedisStorageBackend) =>
      sessions.withLock('user', 'session', async ({ metadata }) => {
        expect((running += 1)).toBe(1);
        const count = `${Number(metadata!['count']) + 1}`;
        await sessions.update('user', 'session', { metadata: { count } });
        running -= 1;
      });
    await Promise.all([open(), open(), open(), open()].flatMap((one) => [increment(one), increment(one)]));
    expect((await open().get('user', 'session'))?.metadata).toEqual({ count: '8' });
    expect(await client.keys(`${prefix}*lock*`)).toEqual([]);
  });

  it('bounds the wait for a lock of another instance, and outlives an instance that died with one', async () => {
    const sources = await CompiledSources.of('common', 'redis', 'client-sessions');
    cleanUpLater(() => sources.dispose());
    await open().create(session());
    const holder = await sources.run(HOLDER, server.url, prefix);
    cleanUpLater(() => holder.kill());
    expect(await holder.line()).toBe('held');
    const waiting = open({ lockWaitMs: 200 }).withLock('user', 'session', async () => 'ran');
    await expect(waiting).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
    await holder.kill();
    expect(await client.pttl(`${prefix}{user}:lock:session`)).toBeLessThanOrEqual(15_000);
    await client.pexpire(`${prefix}{user}:lock:session`, 100);
    expect(await open().withLock('user', 'session', async () => 'ran')).toBe('ran');
  });

  it('bounds the wait once, also for who waits behind another caller of its instance', async () => {
    await open().create(session());
    const outcomes: unknown[] = [];
    const wait = (sessions: RedisStorageBackend, name: string): Promise<unknown> =>
      sessions
        .withLock('user', 'session', async () => 'ran')
        .catch(({ code, waitedMs }: SessionLockedError) => `${code} ${waitedMs}`)
        .then((outcome) => outcomes.push(`${name}: ${outcome}`));
    const waiting = await open().withLock('user', 'session', async () => {
      const sessions = open({ lockWaitMs: 400 });
      const first = wait(sessions, 'first');
      await delay(150);
      const second = wait(sessions, 'second');
      // The lock becomes free when somebody has given up who may wait longer.
      await wait(open({ lockWaitMs: 600 }), 'other instance');
      return [first, second];
    });
    await Promise.all(waiting);
    expect(outcomes).toEqual([
      'first: SESSION_LOCKED 400',
      'second: SESSION_LOCKED 400',
      'other instance: SESSION_LOCKED 600',
    ]);
  });

  it('does not close the client of the application', async () => {
    const sessions = open();
    await sessions.disconnect();
    expect(await client.ping()).toBe('PONG');
    await sessions.create(session());
    expect(await sessions.listIds('user')).toEqual(['session']);
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
    const made = await redisSessionsFromUrl(server.url, { prefix });
    await made.create(session());
    const creations = Array.from({ length: 40 }, (_, index) =>
      made.create(session({ sessionId: `${index}` })),
    );
    const working = made.withLock('user', 'session', () =>
      made.update('user', 'session', { serverName: 'under the lock' }),
    );
    await made.disconnect();
    await Promise.all([working, ...creations]);
    expect((await open().get('user', 'session'))?.serverName).toBe('under the lock');
    expect(await open().listIds('user')).toHaveLength(41);
    expect(await client.keys(`${prefix}*lock*`)).toEqual([]);
  });

  it('closes the client that it made also when what is under way does not end', async () => {
    const made = await redisSessionsFromUrl(server.url, { prefix, commandTimeoutMs: 50 });
    await made.create(session());
    let isWorking = false;
    let end = (): void => undefined;
    const working = made.withLock('user', 'session', () => {
      isWorking = true;
      return new Promise<void>((resolve) => (end = resolve));
    });
    await eventually('the lock', () => isWorking);
    await within('the client to be closed', made.disconnect());
    await expect(made.listIds('user')).rejects.toMatchObject({ code: 'SESSIONS_UNAVAILABLE' });
    end();
    await working;
  });

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
});
