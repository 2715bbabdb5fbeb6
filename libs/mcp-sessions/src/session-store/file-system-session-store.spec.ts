import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { InvalidConfigurationError } from '../common/errors.js';
import { eventually } from '../testing/eventually.js';
import { sessionStoreContract } from '../testing/session-store.contract.js';
import { FileSystemSessionStore, type FileSystemSessionStoreConfig } from './file-system-session-store.js';
import { InvalidSessionMetadataError, SessionStoreUnavailableError } from './session-store.errors.js';

let directory: string;
let path: string;
let now = 1_700_000_000_000;
const clock = () => now;
const opened: FileSystemSessionStore[] = [];

const openStore = (config: FileSystemSessionStoreConfig = {}) => {
  const store = new FileSystemSessionStore({ path, debounceMs: 10, ...config });
  opened.push(store);
  return store;
};
const readSessions = async () => {
  const { sessions } = JSON.parse(await readFile(path, 'utf8')) as { sessions: { id: string }[] };
  return sessions;
};
const savedIds = async () => (await readSessions()).map(({ id }) => id);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'session-store-'));
  path = join(directory, 'sessions.json');
  now = 1_700_000_000_000;
});

afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(opened.splice(0).map((store) => store.close().catch(() => undefined)));
  await rm(directory, { recursive: true });
});

sessionStoreContract({ describe, it }, { name: 'FileSystemSessionStore', create: () => openStore() });

describe('FileSystemSessionStore, saving', () => {
  it('has every session, as it was, after a restart', async () => {
    const data = { list: [], nested: [{ deep: {} }], text: '"\n🦊' };
    const first = openStore({ now: clock });
    await first.set('__proto__', { lastAccessedAt: now, data });
    await first.set('', { lastAccessedAt: now, principal: 'p' });
    await first.setWithTTL('a\n":b', { lastAccessedAt: now - 5 }, 60_000);
    await first.set('deleted', { lastAccessedAt: now });
    await first.delete('deleted');
    now += 5;
    await first.touch('');
    await first.close();

    const second = openStore({ now: clock });
    expect(await second.keys()).toEqual(['__proto__', '', 'a\n":b']);
    expect(second.size).toBe(3);
    expect(await second.get('__proto__')).toEqual({ lastAccessedAt: now - 5, data });
    expect(await second.get('')).toEqual({ lastAccessedAt: now, principal: 'p' });
    expect(await second.get('a\n":b')).toEqual({ lastAccessedAt: now - 10 });
  });

  it('lets lifetimes pass while it is closed, and renews them by their own length afterwards', async () => {
    const first = openStore({ now: clock });
    await first.setWithTTL('short', { lastAccessedAt: now }, 1_000);
    await first.setWithTTL('long', { lastAccessedAt: now }, 10_000);
    await first.close();
    now += 9_000;
    const second = openStore({ now: clock });
    expect(await second.keys()).toEqual(['long']);
    await second.touch('long');
    now += 9_999;
    expect(await second.has('long')).toBe(true);
    now += 1;
    expect(await second.has('long')).toBe(false);
  });

  it('skips sessions not used for longer than maxAgeMs', async () => {
    const first = openStore({ now: clock });
    await first.set('old', { lastAccessedAt: now - 60_001 });
    await first.set('young', { lastAccessedAt: now - 60_000 });
    await first.close();
    const second = openStore({ now: clock, maxAgeMs: 60_000 });
    expect(await second.keys()).toEqual(['young']);
  });

  it('writes one JSON document, a session per line, for the owner only', async () => {
    await writeFile(path, '{}', { mode: 0o644 });
    const store = openStore({ now: clock });
    await store.set('a', { lastAccessedAt: 1 });
    await store.setWithTTL('b', { lastAccessedAt: 2 }, 1_000);
    await store.flush();
    expect((await readFile(path, 'utf8')).split('\n')).toEqual([
      '{"version":1,"sessions":[',
      '{"id":"a","lastAccessedAt":1,"metadata":{"lastAccessedAt":1}},',
      `{"id":"b","lastAccessedAt":2,"ttlMs":1000,"expiresAt":${now + 1_000},"metadata":{"lastAccessedAt":2}}`,
      ']}',
      '',
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await store.clear();
    await store.flush();
    expect(await readSessions()).toEqual([]);
  });

  it('has everything in the file when flush resolves, also what was not awaited', async () => {
    const store = openStore({ debounceMs: 60_000 });
    for (let index = 0; index < 50; index += 1) void store.set(`${index}`, { lastAccessedAt: 1 });
    await store.flush();
    expect(await savedIds()).toHaveLength(50);
    await store.update('0', { principal: 'p' });
    await store.delete('1');
    await Promise.all([store.flush(), store.flush()]);
    expect((await readSessions())[0]).toMatchObject({ id: '0', metadata: { principal: 'p' } });
    expect(await savedIds()).toHaveLength(49);
  });

  it('saves in the background while changes keep coming', async () => {
    const store = openStore({ debounceMs: 40 });
    let count = 0;
    await eventually('the file to be written', async () => {
      await store.set(`${(count += 1)}`, { lastAccessedAt: 1 });
      return (await readdir(directory)).includes('sessions.json');
    });
    expect((await savedIds()).length).toBeGreaterThan(0);
  });

  it('never writes twice at once, and writes again what changed during a write', async () => {
    const handle = await open(directory, 'r');
    const methods = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const store = openStore({ debounceMs: 0 });
    const write = methods.write as (...args: unknown[]) => Promise<never>;
    let running = 0;
    let mostAtOnce = 0;
    let writes = 0;
    jest.spyOn(methods, 'write').mockImplementation(async function (this: unknown, ...args: unknown[]) {
      mostAtOnce = Math.max(mostAtOnce, (running += 1));
      writes += 1;
      if (writes <= 3) void store.set(`during write ${writes}`, { lastAccessedAt: 1 });
      if (writes <= 3) void store.flush();
      await new Promise((done) => setTimeout(done, 5));
      try {
        return await write.apply(this, args);
      } finally {
        running -= 1;
      }
    } as never);
    await store.set('first', { lastAccessedAt: 1 });
    await eventually('the last change to be saved', async () => {
      const saved = (await readdir(directory)).includes('sessions.json') ? await savedIds() : [];
      return saved.includes('during write 3');
    });
    expect(mostAtOnce).toBe(1);
    expect(await savedIds()).toEqual(['first', 'during write 1', 'during write 2', 'during write 3']);
  });

  it('does not write for touches that change little, but saves them on close', async () => {
    const store = openStore({ now: clock, debounceMs: 0 });
    await store.setWithTTL('session', { lastAccessedAt: now }, 1_000);
    await store.set('unlimited', { lastAccessedAt: now });
    await store.flush();
    const { ino, mtimeMs } = await stat(path);
    now += 100;
    for (let count = 0; count < 10; count += 1) {
      await store.touch('session');
      await store.touch('unlimited');
      await new Promise((done) => setTimeout(done, 2));
    }
    expect(await stat(path)).toMatchObject({ ino, mtimeMs });
    now += 1;
    await store.touch('session');
    await eventually('a stale touch to be saved', async () => (await stat(path)).mtimeMs !== mtimeMs);
    expect(await readSessions()).toMatchObject([{ expiresAt: now + 1_000 }, { lastAccessedAt: now - 1 }]);
    now += 50;
    await store.touch('session');
    await store.close();
    expect(await readSessions()).toMatchObject([{ expiresAt: now + 1_000 }, {}]);
  });

  it('saves touches often enough that a session in use is never too old after a crash', async () => {
    const first = openStore({ now: clock, maxAgeMs: 1_000, debounceMs: 0 });
    await first.setWithTTL('session', { lastAccessedAt: now }, 1_000_000);
    await first.flush();
    const { mtimeMs } = await stat(path);
    now += 101;
    await first.touch('session');
    await eventually('the touch to be saved', async () => (await stat(path)).mtimeMs !== mtimeMs);
  });

  it('removes expired sessions from the file', async () => {
    const store = openStore();
    await store.setWithTTL('short', { lastAccessedAt: 1 }, 50);
    await store.set('lasting', { lastAccessedAt: 1 });
    await store.flush();
    expect(await savedIds()).toContain('short');
    await eventually('the file to forget it', async () => (await savedIds()).join() === 'lasting');
  });

  it('rejects flush while the file cannot be written, reports it once, and saves when it can', async () => {
    const failed = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const recovered = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const blocked = join(directory, 'blocked');
    const store = openStore({ path: join(blocked, 'sessions.json') });
    await store.keys();
    await writeFile(blocked, 'a file where a directory should be');
    await store.set('secret-id', { lastAccessedAt: 1 });
    await expect(store.flush()).rejects.toThrow(SessionStoreUnavailableError);
    await expect(store.flush()).rejects.toMatchObject({ cause: { code: 'EEXIST' } });
    for (let count = 0; count < 3; count += 1) {
      await store.set('secret-id', { lastAccessedAt: 1 });
      await new Promise((done) => setTimeout(done, 30));
    }
    expect(failed).toHaveBeenCalledTimes(1);
    expect(String(failed.mock.calls[0])).toContain('EEXIST');
    expect(String(failed.mock.calls[0])).not.toContain('secret-id');
    expect(await store.has('secret-id')).toBe(true);
    await rm(blocked);
    await store.set('other', { lastAccessedAt: 1 });
    path = join(blocked, 'sessions.json');
    await eventually('the save to be tried again', async () => recovered.mock.calls.length > 0);
    expect(await savedIds()).toEqual(['secret-id', 'other']);
  });

  it('refuses what cannot be stored before it touches anything', async () => {
    const store = openStore();
    const data = { big: 1n };
    await expect(store.set('session', { lastAccessedAt: 1, data })).rejects.toThrow(
      InvalidSessionMetadataError,
    );
    await store.flush();
    expect(await readdir(directory)).toEqual([]);
  });

  it('answers no more once closed', async () => {
    const store = openStore({ debounceMs: 60_000 });
    void store.set('session', { lastAccessedAt: 1 });
    await store.close();
    await store.close();
    expect(await savedIds()).toEqual(['session']);
    await expect(store.set('late', { lastAccessedAt: 1 })).rejects.toThrow(SessionStoreUnavailableError);
    await expect(store.get('session')).rejects.toThrow('closed');
  });
});

describe('FileSystemSessionStore, reading', () => {
  it('starts without sessions, and says nothing, when there is no file', async () => {
    const logged = ['log', 'warn', 'error'].map((level) => jest.spyOn(Logger.prototype, level as 'warn'));
    const store = openStore({ path: join(directory, 'absent', 'sessions.json') });
    expect(await store.keys()).toEqual([]);
    await store.flush();
    expect(await readdir(directory)).toEqual([]);
    for (const level of logged) expect(level).not.toHaveBeenCalled();
  });

  it.each([
    ['text that is no JSON', 'secret-id: not JSON'],
    ['nothing', ''],
    ['a JSON array', '["secret-id"]'],
    ['a JSON text', '"secret-id"'],
    ['another shape', '{"version":1,"sessions":{"secret-id":{}}}'],
    ['an unknown version', '{"version":99,"sessions":[]}'],
    ['some other JSON object', '{"secret-id":"value"}'],
    ['bytes that are no UTF-8', Buffer.from('{"secret-id\xff":{"lastAccessedAt":1}}', 'latin1')],
  ])('sets a file aside whole that holds %s', async (_name, content) => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await writeFile(path, content);
    const store = openStore();
    expect(await store.keys()).toEqual([]);
    const [aside, ...others] = await readdir(directory);
    expect(others).toEqual([]);
    expect(aside).toMatch(/^sessions\.json\.corrupt-\d{4}-[\dTZ-]+$/);
    expect(await readFile(join(directory, aside!))).toEqual(Buffer.from(content));
    expect(logged).toHaveBeenCalledTimes(1);
    expect(String(logged.mock.calls[0])).toContain(path);
    expect(String(logged.mock.calls[0])).toContain(aside);
    expect(String(logged.mock.calls[0])).not.toContain('secret-id');
    await store.set('new', { lastAccessedAt: 1 });
    await store.flush();
    expect(await savedIds()).toEqual(['new']);
  });

  it('sets a truncated file aside, wherever it was cut, and never over another', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const store = openStore({ now: clock });
    for (const id of ['a', 'b']) await store.set(id, { lastAccessedAt: now });
    await store.close();
    const whole = (await readFile(path, 'utf8')).trimEnd();
    for (let length = 0; length < whole.length; length += 1) {
      await writeFile(path, whole.slice(0, length));
      expect(await openStore({ now: clock }).keys()).toEqual([]);
    }
    const asides = await readdir(directory);
    const contents = await Promise.all(asides.map((name) => readFile(join(directory, name), 'utf8')));
    expect(contents.sort()).toEqual(
      Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
    );
  });

  it('skips a bad record, reports it, and keeps the others', async () => {
    const logged = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const good = { id: 'good', lastAccessedAt: now, metadata: { lastAccessedAt: now } };
    const sessions = [
      good,
      { id: 'secret-id', metadata: 'none' },
      { ...good, id: 7 },
      { ...good, id: 'half a lifetime', ttlMs: 5 },
      { ...good, id: 'no time', lastAccessedAt: '1' },
      null,
      [],
      { ...good, id: 'also good' },
    ];
    await writeFile(path, JSON.stringify({ version: 1, sessions }));
    const store = openStore({ now: clock });
    expect(await store.keys()).toEqual(['good', 'also good']);
    expect(logged).toHaveBeenCalledTimes(1);
    expect(String(logged.mock.calls[0])).toMatch(/Skipped 6 unreadable sessions/);
    expect(String(logged.mock.calls[0])).not.toMatch(/secret-id|half a lifetime/);
  });

  it('reads the file that mcp-use writes', async () => {
    const logged = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const metadata = {
      lastAccessedAt: now,
      clientInfo: { name: 'c', version: '1' },
      protocolVersion: '2025-06-18',
    };
    await writeFile(
      path,
      `{"a":${JSON.stringify(metadata)},"__proto__":{"lastAccessedAt":${now}},"old":{"lastAccessedAt":1},"bad":{}}`,
    );
    const store = openStore({ now: clock });
    expect(await store.keys()).toEqual(['a', '__proto__']);
    expect(await store.get('a')).toEqual(metadata);
    expect(logged).toHaveBeenCalledTimes(1);
    await store.set('b', { lastAccessedAt: now });
    await store.close();
    expect(await openStore({ now: clock }).keys()).toEqual(['a', '__proto__', 'b']);
  });

  it('is unavailable, not empty, while the file cannot be read, and then reads it', async () => {
    await mkdir(path);
    const store = openStore({ now: clock });
    const calls = [
      () => store.get('session'),
      () => store.has('session'),
      () => store.keys(),
      () => store.set('session', { lastAccessedAt: now }),
      () => store.touch('session'),
      () => store.update('session', {}),
      () => store.delete('session'),
      () => store.clear(),
      () => store.flush(),
      () => store.scan().next(),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toThrow(SessionStoreUnavailableError);
      await expect(call()).rejects.toMatchObject({ cause: { code: 'EISDIR' } });
    }
    expect(await readdir(directory)).toEqual(['sessions.json']);
    await rm(path, { recursive: true });
    await writeFile(path, JSON.stringify({ session: { lastAccessedAt: now } }));
    expect(await store.keys()).toEqual(['session']);
    expect(await store.get('session')).toEqual({ lastAccessedAt: now });
  });

  it('removes what a killed process left half written', async () => {
    const leftover = `${path}.0123456789ab.tmp`;
    await writeFile(leftover, '{"version":1,');
    const old = new Date(Date.now() - 120_000);
    await utimes(leftover, old, old);
    await openStore().keys();
    expect(await readdir(directory)).toEqual([]);
  });

  it('tells of a session once that expires after a restart', async () => {
    const first = openStore({ now: clock });
    await first.setWithTTL('session', { lastAccessedAt: now }, 1_000);
    await first.close();
    const second = openStore({ now: clock });
    const ended: string[] = [];
    second.onExpired((id) => ended.push(id));
    await second.keys();
    now += 1_000;
    expect(await second.get('session')).toBeNull();
    expect(await second.get('session')).toBeNull();
    expect(ended).toEqual(['session']);
  });
});

describe('FileSystemSessionStore, configuration', () => {
  it.each([{ path: '' }, { debounceMs: -1 }, { debounceMs: NaN }, { debounceMs: 2 ** 31 }, { maxAgeMs: 0 }])(
    'refuses %p',
    (config) => {
      expect(() => new FileSystemSessionStore(config)).toThrow(InvalidConfigurationError);
    },
  );

  it('keeps the file in .mcp-use of the working directory by default', async () => {
    const workingDirectory = process.cwd();
    process.chdir(directory);
    const store = new FileSystemSessionStore();
    process.chdir(workingDirectory);
    opened.push(store);
    await store.set('session', { lastAccessedAt: 1 });
    await store.flush();
    path = join(directory, '.mcp-use', 'sessions.json');
    expect(await savedIds()).toEqual(['session']);
    expect((await stat(join(directory, '.mcp-use'))).mode & 0o777).toBe(0o700);
  });
});
