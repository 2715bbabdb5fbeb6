import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sessionsContract } from '../testing/client-sessions.contract.js';
import { FileStorageBackend } from './file-storage-backend.js';
import { LazySessions } from './lazy-sessions.js';
import { MemoryStorageBackend } from './memory-storage-backend.js';
import { sessionsFromEnvironment } from './sessions-from-environment.js';
import { sessions } from './sessions.js';
import type { Session } from './sessions.interface.js';

const REFUSED = { code: 'INVALID_CONFIGURATION' };

sessionsContract(
  { describe, it },
  {
    name: 'LazySessions',
    create: (options) => {
      const backend = new MemoryStorageBackend(options);
      return new LazySessions(() => Promise.resolve(backend));
    },
  },
);

describe('sessions', () => {
  const environment = { ...process.env };
  afterEach(async () => {
    await sessions.disconnect();
    process.env = { ...environment };
  });

  const session: Session = {
    sessionId: 'session',
    userId: 'user',
    serverUrl: 'https://mcp.example.com',
    callbackUrl: 'https://app.example.com/callback',
    transportType: 'sse',
    status: 'active',
    createdAt: Date.now(),
  };

  it('says what is wrong on first use, not on import, and works as soon as it is right', async () => {
    process.env['MCP_TS_STORAGE_TYPE'] = 'postgres';
    await expect(sessions.list('user')).rejects.toMatchObject({
      ...REFUSED,
      message: 'MCP_TS_STORAGE_TYPE must be "redis", "file" or "memory"; it is "postgres"',
    });
    await expect(sessions.create(session)).rejects.toMatchObject(REFUSED);
    expect(sessions.generateSessionId()).toMatch(/^[\w-]{24}$/);
    process.env['MCP_TS_STORAGE_TYPE'] = 'memory';
    await sessions.create(session);
    expect(await sessions.listIds('user')).toEqual(['session']);
  });

  it('can be awaited and returned by asynchronous functions, which uses nothing', async () => {
    process.env['MCP_TS_STORAGE_TYPE'] = 'postgres';
    expect('then' in sessions).toBe(false);
    expect(await (async () => sessions)()).toBe(sessions);
    await sessions.disconnect();
  });

  it('keeps sessions in the file of the environment, and goes on after disconnect', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sessions-'));
    try {
      process.env['MCP_TS_STORAGE_FILE'] = join(directory, 'mine.json');
      await sessions.create(session);
      await sessions.disconnect();
      expect(await readFile(join(directory, 'mine.json'), 'utf8')).toContain('mcp.example.com');
      expect(await sessions.get('user', 'session')).toEqual(session);
    } finally {
      await sessions.disconnect();
      await rm(directory, { recursive: true });
    }
  });
});

describe('LazySessions', () => {
  const session: Session = {
    sessionId: 'session',
    userId: 'user',
    serverUrl: 'https://mcp.example.com',
    callbackUrl: 'https://app.example.com/callback',
    transportType: 'sse',
    createdAt: Date.now(),
  };

  it('has what is in memory after disconnect, also what was on its way', async () => {
    const lazy = new LazySessions(async () => new MemoryStorageBackend());
    const creating = lazy.create(session);
    await lazy.disconnect();
    await creating;
    expect(await lazy.listIds('user')).toEqual(['session']);
    await lazy.disconnect();
    expect(await lazy.listIds('user')).toEqual(['session']);
  });

  it('disconnects when the last one lets go that holds it', async () => {
    let disconnects = 0;
    class Counting extends MemoryStorageBackend {
      override async disconnect(): Promise<void> {
        disconnects += 1;
      }
    }
    const lazy = new LazySessions(async () => new Counting());
    await lazy.create(session);
    const [first, second] = [lazy.hold(), lazy.hold()];
    await first();
    await first();
    expect([disconnects, lazy.isInUse]).toEqual([0, true]);
    await second();
    expect([disconnects, lazy.isInUse]).toEqual([1, false]);
  });
});

describe('sessionsFromEnvironment', () => {
  const from = (variables: Record<string, string>) => sessionsFromEnvironment((name) => variables[name]);

  it.each([
    [{}, MemoryStorageBackend],
    [{ MCP_TS_STORAGE_TYPE: '', REDIS_URL: '', MCP_TS_STORAGE_FILE: '' }, MemoryStorageBackend],
    [{ MCP_TS_STORAGE_FILE: 'x.json' }, FileStorageBackend],
    [{ MCP_TS_STORAGE_TYPE: 'file' }, FileStorageBackend],
    [
      { MCP_TS_STORAGE_TYPE: 'memory', REDIS_URL: 'redis://nowhere', MCP_TS_STORAGE_FILE: 'x' },
      MemoryStorageBackend,
    ],
  ] as const)('%j', async (variables, Backend) => {
    expect(await from(variables as Record<string, string>)).toBeInstanceOf(Backend);
  });

  it.each([
    [{ MCP_TS_STORAGE_TYPE: 'redis' }, /REDIS_URL is not set/],
    [{ MCP_TS_STORAGE_TYPE: 'redis', MCP_TS_STORAGE_FILE: 'x.json' }, /REDIS_URL is not set/],
    [{ MCP_TS_STORAGE_TYPE: 'Redis' }, /must be "redis"/],
    [{ REDIS_URL: 'http://localhost' }, /redis:\/\//],
  ])('refuses %j, and falls back to nothing', async (variables, message) => {
    await expect(from(variables as Record<string, string>)).rejects.toThrow(message);
    await expect(from(variables as Record<string, string>)).rejects.toMatchObject(REFUSED);
  });
});
