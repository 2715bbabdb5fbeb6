import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey';
import { createClient, createCluster, createSentinel } from 'redis';
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis-5';
import type { RedisClient } from '../../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { SENTINEL_NAME } from './redis-sentinel.js';

/** Makes a client, ready for use, of a server, a Cluster's nodes or a Sentinel. */
type MakeClient<Where> = (where: Where) => RedisClient | Promise<RedisClient>;

type Address = { host: string; port: number };

/** Every kind of client, to one server. */
export const STANDALONE_CLIENTS: Record<string, MakeClient<Address>> = {
  'ioredis 6': ({ port }) => quiet(new Redis(port)),
  'ioredis 6 with auto-pipelining': ({ port }) => quiet(new Redis(port, { enableAutoPipelining: true })),
  'ioredis 5': ({ port }) => quiet(new Redis5(port)),
  iovalkey: ({ port }) => quiet(new Valkey(port)),
  'node-redis 6': (address) => opened(createClient({ url: urlOf(address) })),
  'node-redis 6 on RESP2': (address) => opened(createClient({ url: urlOf(address), RESP: 2 })),
  'node-redis 5': (address) => opened(createClient5({ url: urlOf(address) })),
};

/** Every kind of client, to a Cluster. */
export const CLUSTER_CLIENTS: Record<string, MakeClient<Address[]>> = {
  'ioredis 6': (nodes) => quiet(new Cluster(nodes)),
  'ioredis 6 with auto-pipelining': (nodes) => quiet(new Cluster(nodes, { enableAutoPipelining: true })),
  'ioredis 5': (nodes) => quiet(new Cluster5(nodes)),
  'iovalkey with auto-pipelining': (nodes) => quiet(new ValkeyCluster(nodes, { enableAutoPipelining: true })),
  'node-redis 6': (nodes) => opened(createCluster({ rootNodes: nodes.map(rootNode) })),
  'node-redis 5': (nodes) => opened(createCluster5({ rootNodes: nodes.map(rootNode) })),
};

/** Clients that ask a Sentinel where the primary is. */
export const SENTINEL_CLIENTS: Record<string, MakeClient<Address>> = {
  'ioredis 6': (address) => quiet(new Redis({ sentinels: [address], name: SENTINEL_NAME })),
  'ioredis 5': (address) => quiet(new Redis5({ sentinels: [address], name: SENTINEL_NAME })),
  iovalkey: (address) => quiet(new Valkey({ sentinels: [address], name: SENTINEL_NAME })),
  'node-redis 5': (address) => opened(createSentinel5({ name: SENTINEL_NAME, sentinelRootNodes: [address] })),
  'node-redis 6': (address) => opened(createSentinel({ name: SENTINEL_NAME, sentinelRootNodes: [address] })),
};

/** Closes a client, whatever it is doing. */
export function closeClient(client: RedisClient): void {
  if ('status' in client) client.disconnect();
  else if (client.isOpen) client.destroy();
}

function urlOf({ host, port }: Address): string {
  return `redis://${host}:${port}`;
}

function rootNode(address: Address): { url: string } {
  return { url: urlOf(address) };
}

/** Errors of the connection reach the commands, which tests look at. */
function quiet<Client extends RedisClient>(client: Client): Client {
  client.on('error', () => undefined);
  return client;
}

async function opened<Client extends RedisClient>(client: Client): Promise<Client> {
  await quiet(client).connect();
  return client;
}
