import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { streamManagerContract } from 'nestjs-mcp-sessions/testing';
import { STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { contractManagers } from './contract-managers.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.dispose());

describe.each(Object.entries(STANDALONE_CLIENTS))('With %s,', (name, makeClient) => {
  streamManagerContract(
    { describe, it },
    {
      name: 'RedisStreamManager',
      ...contractManagers(() => makeClient({ host: '127.0.0.1', port: server.port })),
      interleavings: name === 'ioredis 6' ? 20 : 4,
    },
  );
});
