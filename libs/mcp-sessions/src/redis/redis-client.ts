import { InvalidConfigurationError } from '../common/errors.js';
import { ClientConnection } from './client-connection.js';
import { ClientSubscriber } from './client-subscriber.js';
import { CommandDeadlines } from './command-deadlines.js';
import type { CommandSender } from './command-sender.interface.js';
import { IoredisClusterSender, IoredisSender, type IoredisCluster } from './ioredis-sender.js';
import { IoredisChannels } from './ioredis-channels.js';
import { NodeRedisChannels, NodeRedisSentinelChannels } from './node-redis-channels.js';
import {
  NodeRedisClusterSender,
  NodeRedisSender,
  NodeRedisSentinelSender,
  type NodeRedisCluster,
} from './node-redis-sender.js';
import { ClusterChannels } from './cluster-channels.js';
import { ioredisNodes, nodeRedisNodes } from './cluster-nodes.js';
import type { RedisChannels } from './redis-channels.interface.js';
import type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.interface.js';
import type { RedisConnection, RedisSubscriber } from './redis-connection.interface.js';
import { dialectOf, refuseSubscriber } from './redis-dialect.js';

/** How long a command may take, unless the application says otherwise. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 5_000;

/** Options of {@link connectionTo} and {@link subscriberOn}. */
export interface RedisConnectionOptions {
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
  /** Whether closing the connection closes the client, because the library made it. Default `false`. */
  owned?: boolean;
}

/**
 * Commands through a client, whichever kind it is. The server is asked what it is before the first command: one that is
 * too old or needs another kind of client, like a client that nobody connected, rejects with `InvalidConfigurationError`.
 *
 * @throws InvalidConfigurationError the client is of no known kind, or is set up so that it cannot be used
 */
export function connectionTo(client: RedisClient, options: RedisConnectionOptions = {}): RedisConnection {
  const { commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS, owned = false } = options;
  const sender = senderTo(client);
  refuseSubscriber(client);
  return new ClientConnection(sender, new CommandDeadlines(commandTimeoutMs), owned);
}

/**
 * Listens to channels through a client that is there for nothing else. A Cluster's client only says which nodes
 * there are: the listening connection goes to one of them, and to another when that one is lost.
 *
 * @param client the client that listens
 * @param commandClient the client that commands go through, which has to be another one
 * @throws InvalidConfigurationError the client is of no known kind, or the same one as `commandClient`
 */
export function subscriberOn(
  client: RedisClient,
  commandClient: RedisClient,
  options: RedisConnectionOptions = {},
): RedisSubscriber {
  const { commandTimeoutMs = DEFAULT_COMMAND_TIMEOUT_MS, owned = false } = options;
  if (client === commandClient) {
    throw new InvalidConfigurationError(
      '`client` and `pubSubClient` must be two clients: one that listens to channels takes no commands',
    );
  }
  return new ClientSubscriber(channelsOf(client), new CommandDeadlines(commandTimeoutMs), owned);
}

function senderTo(client: RedisClient): CommandSender {
  switch (dialectOf(client)) {
    case 'ioredis':
      return new IoredisSender(client as IoredisClient);
    case 'ioredis-cluster':
      return new IoredisClusterSender(client as IoredisCluster);
    case 'node-redis':
      return new NodeRedisSender(client as NodeRedisClient);
    case 'node-redis-cluster':
      return new NodeRedisClusterSender(client as NodeRedisCluster);
    case 'node-redis-sentinel':
      return new NodeRedisSentinelSender(client as NodeRedisClient);
  }
}

function channelsOf(client: RedisClient): RedisChannels {
  switch (dialectOf(client)) {
    case 'ioredis':
      return new IoredisChannels(client as IoredisClient);
    case 'ioredis-cluster':
      return new ClusterChannels(ioredisNodes(client as IoredisCluster), () => senderTo(client).close());
    case 'node-redis':
      return new NodeRedisChannels(client as NodeRedisClient);
    case 'node-redis-cluster':
      return new ClusterChannels(nodeRedisNodes(client as NodeRedisCluster), () => senderTo(client).close());
    case 'node-redis-sentinel':
      return new NodeRedisSentinelChannels(client as NodeRedisClient);
  }
}
