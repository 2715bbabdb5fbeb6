import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  RedisSessionStore,
  type RedisSessionStoreConfig,
} from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { sessionStoreContract } from '../../libs/mcp-sessions/src/testing/session-store.contract.js';
import { STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisServer } from '../support/redis/redis-server.js';

let server: RedisServer;
let stores = 0;

beforeAll(async () => {
  server = await RedisServer.start();
});

afterAll(() => server.dispose());

for (const [name, makeClient] of Object.entries(STANDALONE_CLIENTS)) {
  const create = async (config?: Partial<RedisSessionStoreConfig>) => {
    const client = await makeClient({ host: '127.0.0.1', port: server.port });
    return new RedisSessionStore({ client, ownsClient: true, prefix: `store-${(stores += 1)}:`, ...config });
  };
  sessionStoreContract({ describe, it }, { name: `RedisSessionStore on ${name}`, create });
}
