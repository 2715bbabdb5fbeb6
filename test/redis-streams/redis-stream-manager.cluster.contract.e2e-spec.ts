import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { streamManagerContract } from 'nestjs-mcp-sessions/testing';
import { CLUSTER_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import { contractManagers } from './contract-managers.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(() => cluster.dispose());

describe.each(Object.entries(CLUSTER_CLIENTS))('On a Cluster, with %s,', (_, makeClient) => {
  streamManagerContract(
    { describe, it },
    {
      name: 'RedisStreamManager',
      ...contractManagers(() => makeClient(cluster.addresses)),
      interleavings: 2,
      ordersBroadcasts: false,
    },
  );
});
