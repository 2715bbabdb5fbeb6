import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { streamManagerContract } from 'nestjs-mcp-sessions/testing';
import { SENTINEL_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisSentinel } from '../support/redis/redis-sentinel.js';
import { contractManagers } from './contract-managers.js';

let sentinel: RedisSentinel;
beforeAll(async () => {
  sentinel = await RedisSentinel.start();
}, 30_000);
afterAll(() => sentinel.dispose());

describe.each(Object.entries(SENTINEL_CLIENTS))('By a Sentinel, with %s,', (_, makeClient) => {
  streamManagerContract(
    { describe, it },
    {
      name: 'RedisStreamManager',
      ...contractManagers(() => makeClient(sentinel.address)),
      interleavings: 2,
    },
  );
});
