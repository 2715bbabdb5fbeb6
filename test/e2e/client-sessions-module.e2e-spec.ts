import { describe, expect, it } from '@jest/globals';
import {
  getSessionsToken,
  McpSessionsModule,
  MemoryStorageBackend,
  SESSIONS,
  sessions,
  type Session,
  type Sessions,
} from 'nestjs-mcp-sessions';
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
    // It is let go of at the shutdown, and can be used again: in memory it is another one then.
    expect(await sessions.get('ada', 'one')).toBeNull();
    await sessions.disconnect();
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

  it('need a repository that is one', async () => {
    const options = { ...memory, sessions: { get: () => null } as unknown as Sessions };
    await expect(startWith([McpSessionsModule.forRoot(options)])).rejects.toThrow(
      /sessions: .*cleanupExpired/,
    );
  });
});
