import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import type { SessionLockedError } from '../../libs/mcp-sessions/src/client-sessions/sessions.errors.js';
import type { Session } from '../../libs/mcp-sessions/src/client-sessions/sessions.interface.js';
import { cleanUpLater } from '../support/clean-up.js';
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

  const open = (options = {}, through = client): RedisStorageBackend =>
    new RedisStorageBackend(through, { prefix, now: () => now, ...options });
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

  it('lists the ids of a user in one command, and of one who has very many in small steps', async () => {
    const sessions = open();
    const ids = Array.from({ length: 6_000 }, (_, index) => `${index}`);
    await Promise.all(ids.map((sessionId) => sessions.create(session({ sessionId }))));
    await sessions.create(session({ sessionId: 'ended', status: 'pending' }));
    await sessions.create(session({ userId: 'other', sessionId: 'few' }));
    now += 600_000;
    const stepwise = new Redis(server.port);
    cleanUpLater(() => stepwise.disconnect());
    const call = stepwise.call.bind(stepwise) as (name: string, ...args: string[]) => Promise<unknown>;
    const sent: string[] = [];
    let longest = 0;
    const observed = async (name: string, ...args: string[]): Promise<unknown> => {
      sent.push(name);
      const answer = await call(name, ...args);
      longest = Math.max(longest, JSON.stringify(answer).length);
      // What was used, ended earlier or was created meanwhile is at another place in the order of ends.
      await sessions.update('user', `${sent.length}`, { status: 'pending' });
      await sessions.update('user', `${6_000 - sent.length}`, { serverName: 'used' });
      await sessions.create(session({ sessionId: `new ${sent.length}` }));
      return answer;
    };
    const lister = open({}, Object.assign(stepwise, { call: observed as Redis['call'] }));
    await sessions.listIds('other'); // so that the server knows the script
    expect(await lister.listIds('other')).toEqual(['few']);
    expect(sent.filter((name) => name !== 'info')).toEqual(['evalsha']);
    for (const list of [() => lister.listIds('user'), () => lister.listAllIds()]) {
      const listed = await list();
      const found = new Set(listed);
      expect(found.size).toBe(listed.length);
      expect(ids.filter((id) => !found.has(id))).toEqual([]);
      expect(found.has('ended')).toBe(false);
    }
    expect(sent).toContain('zscan');
    expect(longest).toBeLessThan(100_000);
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
});
