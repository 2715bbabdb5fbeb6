import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidConfigurationError } from '../common/errors.js';
import { sessionStoreContract } from '../testing/session-store.contract.js';
import { FileSystemSessionStore, type FileSystemSessionStoreConfig } from './file-system-session-store.js';
import { InvalidSessionMetadataError, SessionStoreUnavailableError } from './session-store.errors.js';

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

sessionStoreContract({ describe, it }, { name: 'FileSystemSessionStore', create: () => openStore() });

describe('FileSystemSessionStore', () => {
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

  it('saves more sessions than fit into one write, each once', async () => {
    const first = openStore();
    const ids = Array.from({ length: 2_000 }, (_, index) => `session-${index}`);
    for (const id of ids)
      await first.set(id, { lastAccessedAt: Date.now(), data: { text: 'x'.repeat(200) } });
    await first.close();
    expect(await savedIds()).toEqual(ids);
    expect(await openStore().keys()).toEqual(ids);
  });

  it('lets lifetimes pass while it is closed, and renews them by their own length afterwards', async () => {
    const first = openStore({ now: clock });
    await first.setWithTTL('short', { lastAccessedAt: now }, 1_000);
    await first.setWithTTL('long', { lastAccessedAt: now }, 10_000);
    await first.close();
    now += 9_000;
    const second = openStore({ now: clock });
    const ended: string[] = [];
    second.onExpired((id) => ended.push(id));
    expect(await second.keys()).toEqual(['long']);
    expect(ended).toEqual([]);
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

describe('FileSystemSessionStore, configuration', () => {
  it.each([{ path: '' }, { debounceMs: -1 }, { debounceMs: NaN }, { debounceMs: 2 ** 31 }, { maxAgeMs: 0 }])(
    'refuses %p',
    (config) => {
      expect(() => new FileSystemSessionStore(config)).toThrow(InvalidConfigurationError);
    },
  );

  it('refuses a scan in batches of no size', async () => {
    await expect(openStore().scan({ batch: 0 }).next()).rejects.toThrow(InvalidConfigurationError);
  });

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
