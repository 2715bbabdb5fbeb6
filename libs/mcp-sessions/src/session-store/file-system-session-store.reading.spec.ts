import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
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
const savedIds = async () => {
  const { sessions } = JSON.parse(await readFile(path, 'utf8')) as { sessions: { id: string }[] };
  return sessions.map(({ id }) => id);
};

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
    const lengths = Array.from({ length: 20 }, (_, index) => Math.floor((whole.length * index) / 20));
    lengths.push(whole.length - 1);
    for (const length of lengths) {
      await writeFile(path, whole.slice(0, length));
      expect(await openStore({ now: clock }).keys()).toEqual([]);
    }
    const asides = await readdir(directory);
    const contents = await Promise.all(asides.map((name) => readFile(join(directory, name), 'utf8')));
    expect(contents.sort()).toEqual(lengths.map((length) => whole.slice(0, length)));
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
