import { describe, expect, it } from '@jest/globals';
import {
  InMemorySessionStore,
  InMemoryStreamManager,
  McpSessionsModule,
  SESSION_STORE,
  STREAM_MANAGER,
} from 'nestjs-mcp-sessions';
import { callRequest, RawClient } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp, startWith } from '../support/start-app.js';

const memory = { store: 'memory', stream: 'memory' } as const;

describe('the start', () => {
  it('says in one line what each registration uses', async () => {
    const { logger } = await startWith([
      McpSessionsModule.forRoot(memory),
      McpSessionsModule.forRoot({ name: 'admin', store: new InMemorySessionStore(), stream: 'memory' }),
    ]);
    expect(logger.lines.filter((line) => line.includes('store: '))).toEqual([
      'store: memory; stream: memory McpSessionsModule',
      'Registration "admin": store: InMemorySessionStore; stream: memory McpSessionsModule',
    ]);
    expect(logger.warnings).toEqual([]);
  });
});

describe('a store and a stream manager of the application', () => {
  class MongoStore extends InMemorySessionStore {
    readonly type = 'mongo';
  }
  class NamesakeStore extends InMemorySessionStore {
    readonly type = 'redis';
  }
  class NatsStreams extends InMemoryStreamManager {
    readonly type = 'nats';
  }

  it.each([MongoStore, NamesakeStore])('may have a `type` of their own: %p', async (Store) => {
    const [store, stream] = [new Store(), new NatsStreams()];
    const { app, url } = await startApp({ server: createScenario('v2').factory, store, stream });
    expect(app.get(SESSION_STORE)).toBe(store);
    expect(app.get(STREAM_MANAGER)).toBe(stream);
    const client = await RawClient.open(url);
    expect((await client.ask(callRequest(1, 'echo', { text: 'x' }))).result).toBeDefined();
  });
});
