import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { MemoryStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/memory-storage-backend.js';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import type { Session } from '../../libs/mcp-sessions/src/client-sessions/sessions.interface.js';
import { RedisServer } from '../support/redis/redis-server.js';

/** A client that notes what it sends, and may send scripts twice, as if the connection broke before the first answer. */
function observed(client: Redis): { client: Redis; sent: string[]; repeat: (isOn: boolean) => void } {
  const call = client.call.bind(client) as (name: string, ...args: string[]) => Promise<unknown>;
  const sent: string[] = [];
  let isRepeating = false;
  const observedCall = async (name: string, ...args: string[]): Promise<unknown> => {
    sent.push(name);
    if (isRepeating && name.startsWith('eval')) await call(name, ...args);
    return call(name, ...args);
  };
  return {
    client: Object.assign(client, { call: observedCall as Redis['call'] }),
    sent,
    repeat: (isOn) => void (isRepeating = isOn),
  };
}

/** The same numbers from 0 to below `most` for the same seed. */
function numbersFrom(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

const KEY = { id: 'k', key: randomBytes(32) };

describe('RedisStorageBackend.update', () => {
  let server: RedisServer;
  let client: Redis;
  let sent: string[];
  let repeat: (isOn: boolean) => void;
  let prefix: string;
  let now: number;
  let prefixes = 0;

  const open = (options = {}): RedisStorageBackend =>
    new RedisStorageBackend(client, { prefix, now: () => now, encryptionKeys: [], ...options });
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
  const stored = () => client.hget(`${prefix}{user}:sessions`, 'session') as Promise<string>;
  const store = (record: string) => client.hset(`${prefix}{user}:sessions`, 'session', record);

  beforeAll(async () => {
    server = await RedisServer.start();
    ({ client, sent, repeat } = observed(new Redis(server.port)));
  });

  beforeEach(() => {
    prefix = `update-${(prefixes += 1)}:`;
    now = Date.now();
    repeat(false);
  });

  afterAll(async () => {
    client.disconnect();
    await server.dispose();
  });

  it.each([
    ['without', []],
    ['with', [KEY]],
  ])('takes one command, %s a key', async (_with, encryptionKeys) => {
    const sessions = open({ encryptionKeys });
    await sessions.create(session({ tokens: { access_token: 'a' }, headers: { h: '1' } }));
    await sessions.update('user', 'session', { serverName: 'known to the server from now on' });
    sent.length = 0;
    await sessions.update('user', 'session', { tokens: { access_token: 'b' } });
    expect(sent).toEqual(['evalsha']);
    expect((await sessions.get('user', 'session'))?.tokens).toEqual({ access_token: 'b' });
  });

  it('does what memory does, whatever the changes', async () => {
    const options = { now: () => now, encryptionKeys: [], pendingTtlMs: 1_000, dormantAfterMs: 10_000 };
    const [memory, redis] = [new MemoryStorageBackend(options), open(options)];
    const pick = numbersFrom(20);
    const values: Record<string, unknown[]> = {
      status: ['active', 'pending', null, 'closed'],
      serverName: ['a', 'line\nbreak', '\n,"tokens":1\n}', null],
      serverUrl: ['https://b.example.com', null, 5],
      transportType: ['sse', 'streamable_http', 'stdio', null],
      tokens: [{ access_token: '"}\n' }, {}, null, [[]]],
      metadata: [{ 'a ": \\': '1' }, null],
      userId: ['thief', null],
      createdAt: [1, null],
      expiresAt: [1, null],
      updatedAt: [1, null],
      'a b': [0.1, null],
      'quo"te\\': [true, null],
      sealed: ['🦊', null],
    };
    const names = Object.keys(values);
    const outcomeOf = (sessions: MemoryStorageBackend | RedisStorageBackend, patch: Partial<Session>) =>
      sessions.update('user', 'session', patch).then(
        () => 'updated',
        ({ code, message }: Error & { code: string }) => `${code} ${message}`,
      );
    const outcomes = new Set<string>();
    for (let step = 0; step < 500; step += 1) {
      const patch = Object.fromEntries(
        Array.from({ length: pick(4) }, () => names[pick(names.length)]!).map((name) => [
          name,
          [undefined, ...values[name]!][pick(values[name]!.length + 1)],
        ]),
      ) as Partial<Session>;
      // Redis may have recorded the last use by a tenth of dormantAfterMs late.
      now += [0, 1, 400, 999, 3_000, 8_999, 10_000][pick(7)]!;
      if ((await memory.get('user', 'session')) === null) {
        const fresh = session({ status: pick(2) === 0 ? 'active' : 'pending', updatedAt: 7 });
        await Promise.all([memory.create(fresh), redis.create(fresh)]);
      }
      const [inMemory, inRedis] = [await outcomeOf(memory, patch), await outcomeOf(redis, patch)];
      const context = `step ${step}: ${JSON.stringify(patch)}`;
      expect([context, inRedis]).toEqual([context, inMemory]);
      expect([context, await redis.get('user', 'session')]).toEqual([
        context,
        await memory.get('user', 'session'),
      ]);
      expect(await redis.listIds('user')).toEqual(await memory.listIds('user'));
      outcomes.add(inMemory.split(' ')[0]!);
    }
    expect(outcomes).toEqual(new Set(['updated', 'INVALID_SESSION']));
  });

  it('answers a repeated call as the first, and makes the change once', async () => {
    const sessions = open();
    repeat(true);
    await sessions.create(session({ status: 'pending' }));
    for (const patch of [{ serverName: 'a' }, { status: 'active' }, { tokens: null }] as Partial<Session>[]) {
      await sessions.update('user', 'session', patch);
    }
    expect(await sessions.get('user', 'session')).toEqual(session({ serverName: 'a', updatedAt: now }));
    sent.length = 0;
    await open({ encryptionKeys: [KEY] }).update('user', 'session', { headers: { h: '1' } });
    expect(sent.filter((name) => name !== 'info')).toEqual(['evalsha', 'hget', 'evalsha']);
    const lost = sessions.update('user', 'other', { serverName: 'a' });
    await expect(lost).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  it('leaves the time to live in Redis no shorter than the session', async () => {
    const sessions = open({ dormantAfterMs: 7_200_000 });
    await sessions.create(session());
    for (let step = 0; step < 20; step += 1) {
      now += 600_000;
      await sessions.update('user', 'session', { serverName: `${step}` });
      for (const key of [`${prefix}{user}:sessions`, `${prefix}{user}:ends`]) {
        const beyondEnd = Date.now() + (await client.pttl(key)) - (now + 7_200_000);
        expect(beyondEnd).toBeGreaterThan(1_790_000);
        expect(beyondEnd).toBeLessThan(3_610_000);
      }
    }
  });

  it('tells the index of a session that becomes pending, so that it is cleaned up', async () => {
    const sessions = open();
    await sessions.create(session());
    await sessions.cleanupExpired();
    await sessions.update('user', 'session', { status: 'pending' });
    now += 600_000;
    await sessions.cleanupExpired();
    expect(await client.keys(`${prefix}*`)).toEqual([]);
  });

  describe('of a damaged record', () => {
    const damages: [string, (record: string) => string][] = [
      ['empty', () => ''],
      ['without header', (record) => record.slice(record.indexOf('\n') + 1)],
      ['with another header', (record) => record.replace(/^a \S+ \d+/, 'x y z')],
      ['with an end that is no number', (record) => record.replace(/^(a \S+) \d+/, '$1 inf')],
      ['cut', (record) => record.slice(0, -10)],
      ['of nothing but a header', (record) => record.slice(0, record.indexOf('\n') + 1)],
      ['of a list', (record) => `${record.slice(0, record.indexOf('\n'))}\n[1\n]`],
    ];

    it.each(damages)('%s: says so, and nothing of what is in it', async (_what, damage) => {
      const sessions = open();
      await sessions.create(session({ tokens: { access_token: 'hush' } }));
      const damaged = damage(await stored());
      await store(damaged);
      await sessions.create(session({ sessionId: 'sound', userId: 'neighbour' }));
      const calls = [
        sessions.update('user', 'session', { serverName: 'a' }),
        sessions.get('user', 'session'),
        sessions.list('user'),
      ];
      const [sound, ...outcomes] = await Promise.allSettled([
        sessions.update('neighbour', 'sound', { serverName: 'a' }),
        ...calls,
      ]);
      expect(sound.status).toBe('fulfilled');
      for (const outcome of outcomes) {
        const reason = {
          code: 'SESSIONS_UNAVAILABLE',
          message: expect.stringMatching(/^The record of .* is damaged$/),
        };
        expect(outcome).toMatchObject({ status: 'rejected', reason });
        expect(String((outcome as PromiseRejectedResult).reason)).not.toContain('hush');
      }
      expect(await stored()).toBe(damaged);
      const taken = sessions.create(session());
      await expect(taken).rejects.toMatchObject({ code: 'SESSION_ALREADY_EXISTS' });
      await sessions.delete('user', 'session');
      expect(await sessions.get('user', 'session')).toBeNull();
    });

    it('that says of sealed credentials that they are not: hands none of them out', async () => {
      const sessions = open({ encryptionKeys: [KEY] });
      await sessions.create(session({ codeVerifier: 'hush' }));
      const damaged = (await stored()).replace(/ k\.\S+ /, ' - ');
      await store(damaged);
      const refused = { code: 'SESSION_DECRYPTION_FAILED', field: 'codeVerifier' };
      for (const one of [sessions, open()]) {
        await expect(one.get('user', 'session')).rejects.toMatchObject(refused);
        await expect(one.list('user')).rejects.toMatchObject(refused);
      }
      await expect(sessions.update('user', 'session', { serverName: 'a' })).rejects.toMatchObject(refused);
      expect(await stored()).toBe(damaged);
    });

    it('whose credential is no text: says so', async () => {
      const sessions = open({ encryptionKeys: [KEY] });
      await sessions.create(session({ tokens: { access_token: 'hush' } }));
      await store((await stored()).replace(/"tokens":"[^"]*"/, '"tokens":{"sealed":true}'));
      await expect(sessions.get('user', 'session')).rejects.toMatchObject({ code: 'SESSIONS_UNAVAILABLE' });
    });
  });
});
