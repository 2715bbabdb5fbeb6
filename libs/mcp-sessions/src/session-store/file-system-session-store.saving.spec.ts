import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { eventually } from '../testing/eventually.js';
import { FileSystemSessionStore, type FileSystemSessionStoreConfig } from './file-system-session-store.js';
import { SessionStoreUnavailableError } from './session-store.errors.js';

let directory: string;
let path: string;
let now: number;
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

describe('FileSystemSessionStore, saving', () => {
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
  });

  it('has everything in the file when flush resolves, also what was not awaited', async () => {
    const store = openStore({ debounceMs: 60_000 });
    for (let index = 0; index < 50; index += 1) void store.set(`${index}`, { lastAccessedAt: 1 });
    await store.flush();
    expect(await savedIds()).toHaveLength(50);
    await store.update('0', { principal: 'p' });
    await Promise.all([store.flush(), store.flush()]);
    expect((await readSessions())[0]).toMatchObject({ id: '0', metadata: { principal: 'p' } });
    await store.delete('1');
    await store.flush();
    expect(await savedIds()).toHaveLength(49);
    await store.clear();
    await store.flush();
    expect(await savedIds()).toEqual([]);
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

    const restarted = openStore({ now: clock, debounceMs: 0 });
    const closed = await stat(path);
    now += 100;
    await restarted.touch('session');
    await new Promise((done) => setTimeout(done, 20));
    expect((await stat(path)).ino).toBe(closed.ino);
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

  it('reports once that another process writes the file, too', async () => {
    const reported = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const [store, other] = [openStore({ debounceMs: 60_000 }), openStore({ debounceMs: 60_000 })];
    await Promise.all([store.keys(), other.keys()]);
    await store.set('a', { lastAccessedAt: 1 });
    await store.flush();
    await other.set('b', { lastAccessedAt: 1 });
    await store.set('c', { lastAccessedAt: 1 });
    await store.flush();
    expect(reported).not.toHaveBeenCalled();
    await other.flush();
    await store.set('d', { lastAccessedAt: 1 });
    await store.flush();
    await store.set('e', { lastAccessedAt: 1 });
    await store.flush();
    // Each of the two has noticed the other.
    const line = expect.stringContaining(`Another process writes ${path}`);
    expect(reported.mock.calls).toEqual([[line], [line]]);
  });
});
