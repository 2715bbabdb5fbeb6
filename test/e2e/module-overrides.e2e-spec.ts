import { afterEach, describe, expect, it } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InMemorySessionStore, McpSessions, SESSION_STORE } from 'nestjs-mcp-sessions';
import { AppModule } from '../examples/app.module.js';

describe('An application whose test replaces', () => {
  let app: INestApplication;
  afterEach(() => app.close());

  async function start(token: unknown, value: object): Promise<Client> {
    const testing = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(token)
      .useValue(value)
      .compile();
    app = testing.createNestApplication({ forceCloseConnections: true, logger: ['error'] });
    await app.listen(0, '127.0.0.1');
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', await app.getUrl())));
    return client;
  }

  it('McpSessions serves, ends sessions and closes', async () => {
    const data: object[] = [];
    const client = await start(McpSessions, {
      getData: async () => ({ memo: 'from the test' }),
      setData: async (_sessionId: string, value: object) => void data.push(value),
    });
    const answer = await client.callTool({ name: 'remember', arguments: { text: 'milk' } });
    expect(answer.content).toEqual([{ type: 'text', text: 'Remembered. Before it was: from the test' }]);
    expect(data).toEqual([{ memo: 'milk' }]);
    await (client.transport as StreamableHTTPClientTransport).terminateSession();
    await expect(client.ping()).rejects.toThrow(/not found|session/i);
    await app.close();
  });

  it('the store uses the other one', async () => {
    const store = new InMemorySessionStore();
    await start(SESSION_STORE, store);
    expect(await store.keys()).toHaveLength(1);
  });
});
