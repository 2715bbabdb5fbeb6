import { IoredisChannels } from './ioredis-channels.js';
import type { IoredisCluster, IoredisClusterNode } from './ioredis-sender.js';
import { NodeRedisChannels } from './node-redis-channels.js';
import type { NodeRedisCluster } from './node-redis-sender.js';
import type { RedisChannels } from './redis-channels.interface.js';
import type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.interface.js';

/** A connection of our own to one node of a Cluster. It does not reconnect: another node takes over. */
export interface NodeConnection {
  readonly channels: RedisChannels;
  /** Calls the listener once the connection is lost. */
  onLost(listener: () => void): void;
}

/** Connects to one of the nodes that the Cluster's client knows, whichever. */
export type ConnectToNode = () => Promise<NodeConnection>;

interface IoredisNode extends IoredisClusterNode {
  duplicate(options: object): IoredisClient;
}

interface NodeRedisNode extends NodeRedisClient {
  readonly options?: { socket?: object };
  duplicate(options: object): NodeRedisClient;
}

export function ioredisNodes(cluster: IoredisCluster): ConnectToNode {
  return async () => {
    // The nodes are known once the first command has found one.
    if (cluster.nodes('all').length === 0) await cluster.call('ping');
    const node = oneOf(cluster.nodes('all')) as IoredisNode;
    const client = node.duplicate({ lazyConnect: true, retryStrategy: null });
    return connected(client, new IoredisChannels(client), ['end']);
  };
}

export function nodeRedisNodes(cluster: NodeRedisCluster): ConnectToNode {
  return async () => {
    const node = (await cluster.nodeClient(oneOf(cluster.masters))) as NodeRedisNode;
    const client = node.duplicate({ socket: { ...node.options?.socket, reconnectStrategy: false } });
    return connected(client, new NodeRedisChannels(client), ['end', 'error']);
  };
}

async function connected(
  client: RedisClient,
  channels: RedisChannels,
  lostEvents: string[],
): Promise<NodeConnection> {
  client.on('error', () => undefined); // what it says is said again by the events, and by connect()
  await client.connect();
  return {
    channels,
    onLost: (listener) => {
      for (const event of lostEvents) client.on(event, listener);
    },
  };
}

function oneOf<T>(nodes: T[]): T {
  const node = nodes[Math.floor(Math.random() * nodes.length)];
  if (!node) throw new Error('The Cluster client knows no node');
  return node;
}
