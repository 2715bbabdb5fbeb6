import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { sessionsContract } from '../../libs/mcp-sessions/src/testing/client-sessions.contract.js';
import { closeClient, CLUSTER_CLIENTS, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { readStrings } from './support/read-redis.js';

let repositories = 0;

/** Runs the suite; each case has a prefix of its own, and other instances have a client of their own. */
function examine(
  name: string,
  connect: () => RedisClient | Promise<RedisClient>,
  ports: () => number[],
): void {
  let clients: RedisClient[];
  const prefixes = new WeakMap<RedisStorageBackend, string>();

  beforeAll(async () => {
    clients = [await connect(), await connect()];
  });

  afterAll(() => clients.forEach(closeClient));

  sessionsContract(
    { describe, it },
    {
      name: `RedisStorageBackend on ${name}`,
      create: (options) => {
        const prefix = `sessions-${(repositories += 1)}:`;
        const sessions = new RedisStorageBackend(clients[0]!, { prefix, ...options });
        prefixes.set(sessions, prefix);
        return sessions;
      },
      createPeer: (first, options) =>
        new RedisStorageBackend(clients[1]!, { prefix: prefixes.get(first)!, ...options }),
      readStorage: (sessions) => readStrings(ports(), prefixes.get(sessions)!),
    },
  );
}

describe('on one server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterAll(() => server.dispose());

  describe.each(Object.entries(STANDALONE_CLIENTS))('through %s', (name, makeClient) => {
    examine(
      name,
      () => makeClient({ host: '127.0.0.1', port: server.port }),
      () => [server.port],
    );
  });
});

describe('in a Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 30_000);

  afterAll(() => cluster.dispose());

  describe.each(Object.entries(CLUSTER_CLIENTS))('through %s', (name, makeClient) => {
    examine(
      name,
      () => makeClient(cluster.addresses),
      () => cluster.addresses.map(({ port }) => port),
    );
  });
});
