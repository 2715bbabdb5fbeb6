import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { InvalidConfigurationError } from '../../libs/mcp-sessions/src/common/errors.js';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import type { SessionMetadata } from '../../libs/mcp-sessions/src/session-store/session-store.interface.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { cleanUpLater } from '../support/clean-up.js';
import { RedisServer } from '../support/redis/redis-server.js';

const KEY = 'mcp:session:{session}';
const DAY_MS = 86_400_000;

const metadata: SessionMetadata = {
  lastAccessedAt: 1,
  clientCapabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
  clientInfo: { name: 'a-usual-client', version: '1.2.3' },
  protocolVersion: '2025-11-25',
  principal: 'https://issuer.example|5f0e2c3a-7a2b-4c59-9d43-2c0c5f1d7c11',
};

describe('RedisSessionStore', () => {
  let server: RedisServer;
  let client: Redis;
  let store: RedisSessionStore;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = new Redis(server.port);
  });

  afterAll(async () => {
    client.disconnect();
    await server.dispose();
  });

  beforeEach(async () => {
    await client.flushall();
    store = new RedisSessionStore({ client });
    await store.set('session', metadata);
  });

  /** The commands that reach the server while `work` runs, without those that scripts call. */
  const commandsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const monitor = await client.monitor();
    const commands: string[] = [];
    monitor.on('monitor', (_time: string, [name]: string[], source: string) => {
      if (source !== 'lua') commands.push(name!.toLowerCase());
    });
    try {
      await work();
      await client.echo('the end');
    } finally {
      monitor.disconnect();
    }
    return commands.filter((name) => name !== 'echo');
  };

  it('takes one command for each method on the path of a request', async () => {
    await store.touch('session');
    await store.update('session', { logLevel: 'info' });
    expect(await commandsOf(() => store.get('session'))).toEqual(['mget']);
    expect(await commandsOf(() => store.has('session'))).toEqual(['mget']);
    expect(await commandsOf(() => store.set('session', metadata))).toEqual(['set']);
    expect(await commandsOf(() => store.touch('session'))).toEqual(['evalsha']);
    expect(await commandsOf(() => store.update('session', { logLevel: 'info' }))).toEqual(['evalsha']);
    expect(await commandsOf(() => store.delete('session'))).toEqual(['unlink']);
  });

  it('stores many sessions together, each as it is and with its own lifetime', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `session-${index}`);
    const written = await commandsOf(() =>
      Promise.all(
        ids.map((id, index) => store.setWithTTL(id, { ...metadata, principal: id }, DAY_MS * (index + 1))),
      ),
    );
    expect(written.length).toBeLessThan(20);
    for (const [index, id] of ids.entries()) {
      expect(await store.get(id)).toEqual({ ...metadata, principal: id });
      const lifetimeMs = DAY_MS * (index + 1);
      const left = await client.pttl(`mcp:session:{${id}}`);
      expect(left).toBeGreaterThan(lifetimeMs - 60_000);
      expect(left).toBeLessThanOrEqual(lifetimeMs);
    }
  });

  it('writes in the order of the calls, also when nobody waits between them', async () => {
    await client.script('FLUSH');
    const ids = Array.from({ length: 100 }, (_, index) => `session-${index}`);
    const calls = ids.flatMap((id) => [
      store.set(id, { lastAccessedAt: 1, principal: 'first' }),
      store.set(id, { lastAccessedAt: 1, principal: 'second' }),
      store.update(id, { logLevel: 'info' }),
    ]);
    await Promise.all([...calls, store.set('ended', metadata), store.delete('ended')]);
    for (const id of ids) {
      expect(await store.get(id)).toEqual({ lastAccessedAt: 1, principal: 'second', logLevel: 'info' });
    }
    expect(await store.get('ended')).toBeNull();
  });

  it('a session that cannot be stored fails alone', async () => {
    const broken = { lastAccessedAt: 1, data: { value: 1n } };
    const stored = await Promise.allSettled([
      store.set('a', metadata),
      store.set('b', broken),
      store.set('c', metadata),
    ]);
    expect(stored.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await store.get('c')).toEqual(metadata);
  });

  it('asks for many sessions together, and answers each with its own', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `session-${index}`);
    await Promise.all(ids.map((id) => store.set(id, { lastAccessedAt: 1, principal: id })));
    const read = await commandsOf(async () => {
      const answers = await Promise.all(ids.map((id) => store.get(id)));
      expect(answers.map((answer) => answer?.principal)).toEqual(ids);
    });
    expect(read.length).toBeLessThan(20);
    const touched = await Promise.all([...ids, 'absent'].map((id) => store.touch(id)));
    expect(touched.map((answer) => answer?.principal)).toEqual([...ids, undefined]);
  });

  it('P4 an idle session takes no more than 500 bytes', async () => {
    expect(await client.memory('USAGE', KEY)).toBeLessThanOrEqual(500);
  });

  it('keeps the lifetime in milliseconds, and renews the one that the session was stored with', async () => {
    await store.setWithTTL('session', metadata, 1_500.5);
    expect(await client.pttl(KEY)).toBeGreaterThan(1_000);
    expect(await client.pttl(KEY)).toBeLessThanOrEqual(1_501);
    await store.setWithTTL('session', metadata, 7 * DAY_MS);
    await client.pexpire(KEY, 1_000);
    await new RedisSessionStore({ client, defaultTTL: 60 }).touch('session');
    expect(await client.pttl(KEY)).toBeGreaterThan(7 * DAY_MS - 60_000);
  });

  it('takes any positive lifetime', async () => {
    for (const ttlMs of [0.001, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE]) {
      await store.setWithTTL('session', metadata, ttlMs);
    }
    expect(await store.get('session')).toEqual(metadata);
    await store.touch('session');
    expect(await store.has('session')).toBe(true);
  });

  it('writes the time of the last access only when it is out of date by a tenth of the lifetime', async () => {
    const stored = Date.now() - 60_000;
    await store.setWithTTL('session', { lastAccessedAt: stored }, 660_000);
    expect((await store.touch('session'))!.lastAccessedAt).toBeGreaterThanOrEqual(stored + 60_000);
    expect((await store.get('session'))!.lastAccessedAt).toBe(stored);
    await store.setWithTTL('session', { lastAccessedAt: stored }, 540_000);
    await store.touch('session');
    expect((await store.get('session'))!.lastAccessedAt).toBeGreaterThanOrEqual(stored + 60_000);
    expect(await client.pttl(KEY)).toBeGreaterThan(500_000);
  });

  it('goes on when the server has forgotten its scripts', async () => {
    const several = () => Promise.all(['session', 'session', 'session'].map((id) => store.touch(id)));
    await several();
    await client.script('FLUSH');
    for (const touched of await several()) expect(touched?.principal).toBe(metadata.principal);
    await client.script('FLUSH');
    await Promise.all(['a', 'b', 'c'].map((id) => store.set(id, metadata)));
    expect(await store.has('c')).toBe(true);
    await client.script('FLUSH');
    expect((await store.update('session', { logLevel: 'info' }))?.logLevel).toBe('info');
  });

  it('loses no field when many instances update different ones, and others touch the session', async () => {
    const clients = Array.from({ length: 4 }, () => new Redis(server.port));
    cleanUpLater(() => clients.forEach((each) => each.disconnect()));
    const stores = clients.map((each) => new RedisSessionStore({ client: each }));
    const names = Array.from({ length: 12 }, (_, index) => `field-${index}`);
    for (let round = 0; round < 50; round += 1) {
      const writing = names.map((name, index) =>
        stores[index % 4]!.update('session', { [name]: { round, list: [], text: ',\n"a":1' } }),
      );
      await Promise.all([...writing, ...stores.map((each) => each.touch('session'))]);
    }
    const expected = Object.fromEntries(
      names.map((name) => [name, { round: 49, list: [], text: ',\n"a":1' }]),
    );
    expect(await store.get('session')).toMatchObject({
      ...metadata,
      lastAccessedAt: expect.any(Number),
      ...expected,
    });
  });

  it('updates fields whose names and values look like the text around them', async () => {
    const names = ['', 'a', '"', '\\', 'a"b', '__proto__', '{', '},\n{', '%d+', 'lastAccessed'];
    const fieldsOf = (value: unknown) => Object.fromEntries(names.map((name) => [name, value]));
    await store.set('session', { lastAccessedAt: 1 });
    for (const value of ['",\n"a":"', { a: ['}', '{'] }, 1e21, false, null, '%1']) {
      await store.update('session', fieldsOf(value));
      expect(await store.get('session')).toEqual({ lastAccessedAt: 1, ...fieldsOf(value) });
    }
    await store.update('session', { ['a']: 'only' } as Partial<SessionMetadata>);
    expect(await store.get('session')).toEqual({ lastAccessedAt: 1, ...fieldsOf('%1'), a: 'only' });
  });

  it.each([
    '',
    'text',
    '{"lastAccessedAt":1}',
    '3600000 1\n',
    '3600000 1\n{"a":',
    '3600000 1\n[]',
    'x 1\n{}',
    '1 x\n{}',
  ])('counts a damaged record as absent for every method, and says so: %j', async (damaged) => {
    const logged = new CapturedLogger();
    Logger.overrideLogger(logged);
    cleanUpLater(() => Logger.overrideLogger(['log', 'error', 'warn']));
    await client.set(KEY, damaged);
    expect(await store.get('session')).toBeNull();
    expect(await store.has('session')).toBe(false);
    expect(await store.touch('session')).toBeNull();
    expect(await store.update('session', {})).toBeNull();
    expect(logged.errors).toHaveLength(4);
    expect(logged.errors.join()).not.toContain('session session');
    await store.set('session', metadata);
    expect(await store.get('session')).toEqual(metadata);
  });

  it('a key of another type spoils nothing for the sessions that are read together with it', async () => {
    await client.hset('mcp:session:{foreign}', 'a', 1);
    expect(await store.touch('foreign')).toBeNull();
    const [own, foreign] = await Promise.all([store.touch('session'), store.touch('foreign')]);
    expect(foreign).toBeNull();
    expect(own?.principal).toBe(metadata.principal);
    expect(await store.update('foreign', { logLevel: 'info' })).toBeNull();
  });

  it.each(['mcp:session:', 'a*', 'a?', '[ab]', 'a\\', '{tag}:', '{', '', 'ü:'])(
    'finds and clears what begins with the prefix %j, and nothing else',
    async (prefix) => {
      await client.flushall();
      const own = new RedisSessionStore({ client, prefix });
      const foreign = [
        'mcp:session:x',
        'aa{x}',
        'ab{x}',
        'a{x',
        '{tag}:{x}y',
        `${prefix}x`,
        `${prefix}{%zz}`,
        `${prefix}:{x}`,
      ];
      for (const key of foreign) await client.set(key, 'foreign');
      const ids = ['session', '*', '{x}', ''];
      for (const id of ids) await own.set(id, metadata);
      expect((await own.keys()).toSorted()).toEqual(ids.toSorted());
      await own.clear();
      expect(await own.keys()).toEqual([]);
      for (const key of foreign) expect(await client.get(key)).toBe('foreign');
    },
  );

  it('goes over many sessions in steps, and clears them', async () => {
    const ids = Array.from({ length: 2_500 }, (_, index) => `session-${index}`);
    await Promise.all(ids.map((id) => store.set(id, { lastAccessedAt: 1 })));
    const commands = await commandsOf(async () => {
      expect(new Set(await store.keys())).toEqual(new Set([...ids, 'session']));
    });
    expect(new Set(commands)).toEqual(new Set(['scan']));
    expect(commands.length).toBeLessThan(10);
    await store.clear();
    expect(await client.dbsize()).toBe(0);
  });

  it.each([0, -1, 1.5, NaN, Infinity])('refuses a scan in batches of %p, and is of use', async (batch) => {
    await expect(store.scan({ batch }).next()).rejects.toThrow(InvalidConfigurationError);
    expect(await store.keys()).toEqual(['session']);
  });

  it('leaves a client open that it was handed', async () => {
    await store.close();
    expect(await client.ping()).toBe('PONG');
  });

  it('P7 says nothing of a session’s id in an error', async () => {
    await client.config('SET', 'maxmemory', '1');
    cleanUpLater(() => client.config('SET', 'maxmemory', '0'));
    const failure = await store.set('secret-id', metadata).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE', cause: expect.any(Error) });
    expect((failure as Error).message).not.toContain('secret-id');
    expect((await store.touch('session'))?.principal).toBe(metadata.principal);
  });

  it.each([0, -1, NaN, Infinity])('refuses %s as defaultTTL', (defaultTTL) => {
    expect(() => new RedisSessionStore({ client, defaultTTL })).toThrow(InvalidConfigurationError);
  });

  it('refuses to keep anything but text', () => {
    expect(() => new RedisSessionStore({ client, serialize: false })).toThrow(InvalidConfigurationError);
  });
});
