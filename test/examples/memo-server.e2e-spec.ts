import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { McpSessions, SESSION_STORE, type SessionStore } from 'nestjs-mcp-sessions';
import { AppModule } from './app.module.js';

describe('The memo server', () => {
  let app: INestApplication;
  let client: Client;

  beforeEach(async () => {
    const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = testing.createNestApplication({ forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', await app.getUrl())));
  });
  afterEach(async () => {
    await client.close();
    await app.close();
  });

  it('keeps a memo with the session', async () => {
    await client.callTool({ name: 'remember', arguments: { text: 'milk' } });
    const [sessionId] = await app.get<SessionStore>(SESSION_STORE).keys();
    expect(await app.get(McpSessions).getData(sessionId!)).toEqual({ memo: 'milk' });
  });
});
