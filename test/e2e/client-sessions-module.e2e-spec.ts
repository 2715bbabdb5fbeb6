import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ConfigModule, type ConfigFactory } from '@nestjs/config';
import {
  getSessionsToken,
  McpSessionsModule,
  MemoryStorageBackend,
  SESSIONS,
  sessions,
  type Session,
  type Sessions,
} from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { startWith } from '../support/start-app.js';

const memory = { store: 'memory', stream: 'memory' } as const;
const pending = (sessionId: string): Session => ({
  sessionId,
  userId: 'ada',
  serverUrl: 'https://mcp.example.com',
  callbackUrl: 'https://app.example.com/callback',
  transportType: 'streamable-http',
  createdAt: Date.now(),
});

describe("users' connections in an application", () => {
  it('are kept by the global repository, behind the token SESSIONS', async () => {
    const { app, close } = await startWith([McpSessionsModule.forRoot(memory)]);
    const injected = app.get<Sessions>(SESSIONS);
    expect(injected).toBe(sessions);
    await injected.create(pending('one'));
    expect(await sessions.get('ada', 'one')).toMatchObject({ status: 'pending' });
    await close();
    // It is let go of at the shutdown, and can be used again: what is in memory stays.
    expect(await sessions.get('ada', 'one')).toMatchObject({ status: 'pending' });
    await sessions.clearAll();
  });

  it('stay when another application of the process ends', async () => {
    const [one, other] = [
      await startWith([
        McpSessionsModule.forRoot(memory),
        McpSessionsModule.forRoot({ ...memory, name: 'too' }),
      ]),
      await startWith([McpSessionsModule.forRoot(memory)]),
    ];
    await one.app.get<Sessions>(SESSIONS).create(pending('two'));
    await other.close();
    expect(await one.app.get<Sessions>(SESSIONS).listIds('ada')).toEqual(['two']);
    await one.close();
    await sessions.clearAll();
  });

  it('are kept where the application says, and cleaned up on a schedule', async () => {
    const own = new MemoryStorageBackend({ pendingTtlMs: 50 });
    const { app, close } = await startWith([
      McpSessionsModule.forRoot({ ...memory, sessions: own, cleanupIntervalMs: 20 }),
      McpSessionsModule.forRoot({ ...memory, name: 'other', path: '/other' }),
    ]);
    expect(app.get(SESSIONS)).toBe(own);
    expect(app.get(getSessionsToken('other'))).toBe(sessions);
    let cleanups = 0;
    const cleanupExpired = own.cleanupExpired.bind(own);
    own.cleanupExpired = () => {
      cleanups += 1;
      return cleanupExpired();
    };
    await own.create(pending('one'));
    await eventually('a cleanup', () => cleanups > 0);
    await eventually('the end', async () => (await own.get('ada', 'one')) === null);
    await close();
    await own.create(pending('still of use'));
    expect(await own.listIds('ada')).toEqual(['still of use']);
  });

  const directory = async () => {
    const made = await mkdtemp(join(tmpdir(), 'client-sessions-'));
    cleanUpLater(() => rm(made, { recursive: true, force: true }));
    return made;
  };
  const loading = (load: ConfigFactory) =>
    ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [load] });

  it('are kept as ConfigService says, and encrypted with its keys', async () => {
    const file = join(await directory(), 'connections.json');
    const MCP_SESSIONS_ENCRYPTION_KEYS = `one:${randomBytes(32).toString('base64')}`;
    const { app } = await startWith([
      loading(() => ({ MCP_TS_STORAGE_FILE: file, MCP_SESSIONS_ENCRYPTION_KEYS })),
      McpSessionsModule.forRoot(memory),
    ]);
    const injected = app.get<Sessions>(SESSIONS);
    const tokens = { access_token: 'a-secret-token', token_type: 'Bearer' };
    await injected.create({ ...pending('one'), tokens });
    expect(await injected.get('ada', 'one')).toMatchObject({ tokens });
    const content = await readFile(file, 'utf8');
    expect(content).toContain('mcp.example.com');
    expect(content).not.toContain('a-secret-token');
    expect(await sessions.listAllIds()).toEqual([]);
  });

  it('are refused a key that is none, by the name of its variable', async () => {
    const { app } = await startWith([
      loading(() => ({ MCP_SESSIONS_ENCRYPTION_KEYS: 'one:c2hvcnQ=' })),
      McpSessionsModule.forRoot(memory),
    ]);
    await expect(app.get<Sessions>(SESSIONS).list('ada')).rejects.toThrow(
      'MCP_SESSIONS_ENCRYPTION_KEYS: key 1 has 5 bytes; it must have 32',
    );
  });

  it.each([
    [
      'a key',
      { MCP_SESSIONS_ENCRYPTION_KEYS: 'one:c2hvcnQ=' },
      /^MCP_SESSIONS_ENCRYPTION_KEYS came to ConfigService after/,
    ],
    [
      'a setting',
      { MCP_SESSIONS_IDLE_TIMEOUT_MS: 5_000 },
      /^MCP_SESSIONS_IDLE_TIMEOUT_MS came to ConfigService after/,
    ],
  ])('do not go without %s that comes too late', async (_, variables, message) => {
    const late = loading(() => delay(50).then(() => variables));
    await expect(startWith([late, McpSessionsModule.forRoot(memory)])).rejects.toThrow(message);
  });

  it('need a repository that is one', async () => {
    const options = { ...memory, sessions: { get: () => null } as unknown as Sessions };
    await expect(startWith([McpSessionsModule.forRoot(options)])).rejects.toThrow(
      /sessions: .*cleanupExpired/,
    );
  });
});
