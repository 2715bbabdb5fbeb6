import { describe, expect, it, jest } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { McpSessions, SESSION_STORE, type SessionMetadata } from 'nestjs-mcp-sessions';
import { MapSessionStore } from './map-session-store.js';
import { SessionAdmin } from './session-admin.service.js';

function sessionOf(principal: string): SessionMetadata {
  return { lastAccessedAt: Date.now(), principal };
}

describe('SessionAdmin', () => {
  it('ends the sessions of one user', async () => {
    const store = new MapSessionStore();
    await store.set('1', sessionOf('alice'));
    await store.set('2', sessionOf('bob'));
    const sessions = {
      async *list() {
        yield* await store.keys();
      },
      end: jest.fn(),
    };
    const testing = await Test.createTestingModule({
      providers: [
        SessionAdmin,
        { provide: McpSessions, useValue: sessions },
        { provide: SESSION_STORE, useValue: store },
      ],
    }).compile();

    expect(await testing.get(SessionAdmin).signOut('alice')).toBe(1);
    expect(sessions.end.mock.calls).toEqual([['1']]);
  });
});
