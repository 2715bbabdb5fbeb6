import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { InvalidConfigurationError } from '../common/errors.js';
import { sessionsContract } from '../testing/client-sessions.contract.js';
import { FileStorageBackend } from './file-storage-backend.js';
import type { Session } from './sessions.interface.js';

/** A session as @mcp-ts/sdk writes it. */
const foreign = {
  sessionId: 'session',
  userId: 'user',
  serverUrl: 'https://mcp.example.com',
  callbackUrl: 'https://app.example.com/callback',
  transportType: 'streamable_http',
  createdAt: 1,
};

const directories = new WeakMap<FileStorageBackend, string>();
const fileOf = (sessions: FileStorageBackend): string => join(directories.get(sessions)!, 'sessions.json');

sessionsContract(
  { describe, it },
  {
    name: 'FileStorageBackend',
    create: async (options) => {
      const directory = await mkdtemp(join(tmpdir(), 'sessions-'));
      const sessions = new FileStorageBackend({ path: join(directory, 'sessions.json'), ...options });
      directories.set(sessions, directory);
      return sessions;
    },
    createPeer: (first, options) => new FileStorageBackend({ path: fileOf(first), ...options }),
    readStorage: (sessions) => readFile(fileOf(sessions), 'utf8'),
    destroy: async (sessions) => {
      await sessions.disconnect();
      await rm(directories.get(sessions)!, { recursive: true });
    },
  },
);

describe('FileStorageBackend', () => {
  let directory: string;
  let path: string;
  let opened: FileStorageBackend[];

  const open = (options = {}): FileStorageBackend => {
    const sessions = new FileStorageBackend({ path, ...options });
    opened.push(sessions);
    return sessions;
  };
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

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sessions-'));
    path = join(directory, 'data', 'sessions.json');
    opened = [];
  });

  afterEach(async () => {
    for (const sessions of opened) await sessions.disconnect();
    jest.restoreAllMocks();
    await rm(directory, { recursive: true });
  });

  it('writes what is durable to a file for its owner only, and leaves nothing beside it', async () => {
    await open().create(session());
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'data'))).toEqual(['sessions.json']);
    expect(await open().get('user', 'session')).toEqual(session({ createdAt: expect.any(Number) as never }));
  });

  it('locks among all instances of the process on one file, and not among files', async () => {
    await open().create(session());
    const other = new FileStorageBackend({ path: join(directory, 'other.json') });
    opened.push(other);
    await other.create(session());
    const same = open({ path: relative('', path), lockWaitMs: 20 });
    const answer = await open().withLock('user', 'session', async () => {
      const refused = same.withLock('user', 'session', async () => 'ran');
      await expect(refused).rejects.toMatchObject({ code: 'SESSION_LOCKED' });
      return other.withLock('user', 'session', async () => 'ran in the other file');
    });
    expect(answer).toBe('ran in the other file');
    expect(await same.withLock('user', 'session', async () => 'ran')).toBe('ran');
  });

  it('writes changes that come together few times', async () => {
    const sessions = open();
    const revisions = new Set<string>();
    const ids = Array.from({ length: 500 }, (_, index) => `session ${index}`);
    await Promise.all(
      ids.map(async (sessionId) => {
        await sessions.create(session({ sessionId }));
        revisions.add((await readFile(path, 'utf8')).slice(0, 60));
      }),
    );
    expect(revisions.size).toBeLessThan(5);
    expect(await open().listIds('user')).toHaveLength(500);
  });

  it('reads without writing, and writes nothing when there is nothing to change', async () => {
    const sessions = open();
    await sessions.init();
    await sessions.delete('user', 'absent');
    await sessions.cleanupExpired();
    expect(await sessions.list('user')).toEqual([]);
    expect(await readdir(directory).then((names) => names.includes('sessions.json'))).toBe(false);
    await sessions.create(session());
    const written = await readFile(path, 'utf8');
    await sessions.get('user', 'session');
    await sessions.cleanupExpired();
    await sessions.disconnect();
    expect(await readFile(path, 'utf8')).toBe(written);
  });

  it.each([
    ['no JSON', '{"version":1,"sessions":['],
    ['another kind of JSON', '{"version":2,"sessions":[]}'],
    ['a record without ids', '{"version":1,"revision":"x","sessions":[{"session":{"fields":{}}}]}'],
    ['one session twice, as another program wrote it', JSON.stringify([foreign, foreign])],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe])],
  ])('sets a damaged file aside, whole, and starts fresh: %s', async (_kind, content) => {
    const errors = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await open().create(session());
    await writeFile(path, content);
    const sessions = open();
    expect(await sessions.list('user')).toEqual([]);
    await sessions.create(session({ sessionId: 'new' }));
    expect(await open().listAllIds()).toEqual(['new']);
    const names = await readdir(join(directory, 'data'));
    const aside = names.filter((name) => name.startsWith('sessions.json.corrupt-'));
    expect(aside).toHaveLength(1);
    expect(await readFile(join(directory, 'data', aside[0]!))).toEqual(Buffer.from(content));
    expect(errors).toHaveBeenCalledTimes(1);
    expect(errors.mock.calls[0]![0]).toContain(aside[0]);
  });

  it('notices a file that is damaged while it is in use', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const sessions = open();
    await sessions.create(session());
    await writeFile(path, 'gone');
    expect(await sessions.get('user', 'session')).toBeNull();
    await sessions.create(session());
    expect(await sessions.listIds('user')).toEqual(['session']);
  });

  it.each([
    ['a list', (sessions: object[]) => JSON.stringify(sessions)],
    ['a list with more beside it', (sessions: object[]) => JSON.stringify({ sessions, kv: {} }, null, 2)],
  ])('reads the file of @mcp-ts/sdk: %s', async (_kind, format) => {
    await open().create(session({ sessionId: 'own' }));
    const now = Date.now();
    const { status: _, ...connected } = session({ transportType: 'streamable_http' as 'sse', createdAt: 1 });
    const late = session({ sessionId: 'late', status: 'pending', createdAt: now - 700_000 });
    await writeFile(path, format([{ ...connected, authUrl: null }, late]));
    const sessions = open({ now: () => now });
    const expected = { ...connected, status: 'active', transportType: 'streamable-http' };
    expect(await sessions.list('user')).toEqual([expected]);
    await sessions.create(session({ sessionId: 'new' }));
    expect((await open().listIds('user')).toSorted()).toEqual(['new', 'session']);
  });

  it('says so when the file cannot be read or written, and changes nothing', async () => {
    const sessions = open();
    await sessions.create(session());
    await rm(path);
    await mkdir(path);
    const unavailable = { code: 'SESSIONS_UNAVAILABLE', message: expect.stringContaining(path) as unknown };
    await expect(sessions.get('user', 'session')).rejects.toMatchObject(unavailable);
    await expect(sessions.create(session({ sessionId: 'new' }))).rejects.toMatchObject(unavailable);
    await rm(path, { recursive: true });
    expect(await sessions.listAllIds()).toEqual([]);
    await sessions.create(session({ sessionId: 'new' }));
    expect(await sessions.listAllIds()).toEqual(['new']);
  });

  it('records uses when what the file says of them is out of date, and not before', async () => {
    let now = Date.now();
    const sessions = open({ now: () => now });
    await sessions.create(session());
    const created = await readFile(path, 'utf8');
    now += 3_000_000;
    await sessions.get('user', 'session');
    await sessions.disconnect();
    expect(await readFile(path, 'utf8')).toBe(created);
    now += 1_000_000;
    await sessions.get('user', 'session');
    await sessions.disconnect();
    expect(await readFile(path, 'utf8')).toContain(`"lastUsedAt":${now}`);
  });

  it('refuses options that make no sense', () => {
    for (const options of [
      { path: '' },
      { pendingTtlMs: 0 },
      { dormantAfterMs: Infinity },
      { dormantAfterMs: NaN },
      { lockWaitMs: -1 },
      { encryptionKeys: 'x' },
    ]) {
      expect(() => new FileStorageBackend(options)).toThrow(InvalidConfigurationError);
    }
  });
});
