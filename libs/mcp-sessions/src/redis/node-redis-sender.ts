import { findPrimaries } from './cluster-primaries.js';
import type { Attempt } from './command-deadlines.js';
import type { CommandSender } from './command-sender.interface.js';
import type { NodeRedisClient } from './redis-client.interface.js';
import type { RedisArgument } from './redis-connection.interface.js';

type Part = string | Buffer;

const SEND_OPTIONS = {
  /** Replies have the same shape whichever protocol the client speaks: maps are flat arrays, doubles are text. */
  typeMapping: { ['%'.charCodeAt(0)]: Array, [','.charCodeAt(0)]: String },
  /** The client's own, for commands that wait to be written: there is one for each attempt. */
  timeout: undefined,
};

const NOT_CONNECTED =
  'The node-redis client is not connected. Call `await client.connect()` before sessions are used';

interface NodeRedisStandalone extends NodeRedisClient {
  sendCommand(parts: Part[], options: object): Promise<unknown>;
}

interface NodeRedisSentinel extends NodeRedisClient {
  sendCommand(isReadOnly: boolean, parts: Part[], options: object): Promise<unknown>;
}

/** What a Cluster of node-redis has beyond the public type, as far as it is used here. */
export interface NodeRedisCluster extends NodeRedisClient {
  readonly masters: NodeOfCluster[];
  /** What the client does itself when a node says that a key has moved. */
  readonly _slots: { rediscover(startWith: NodeRedisClient): Promise<void> };
  sendCommand(key: string, isReadOnly: boolean, parts: Part[], options: object): Promise<unknown>;
  nodeClient(node: NodeOfCluster): Promise<NodeRedisClient>;
}

interface NodeOfCluster {
  readonly address: string;
}

/** Sends through one connection of node-redis. */
export class NodeRedisSender implements CommandSender {
  readonly isCluster = false;
  private readonly client: NodeRedisStandalone;

  constructor(client: NodeRedisClient) {
    this.client = client as NodeRedisStandalone;
  }

  unusable(): string | undefined {
    return this.client.isOpen ? undefined : NOT_CONNECTED;
  }

  send(_key: string | undefined, name: string, args: RedisArgument[], attempt?: Attempt): Promise<unknown> {
    return this.client.sendCommand(partsOf(name, args), optionsOf(attempt));
  }

  async primaries(): Promise<CommandSender[]> {
    return [this];
  }

  async close(): Promise<void> {
    if (this.client.isOpen) this.client.destroy();
  }
}

/** Sends to the primary that the Sentinels of node-redis name. */
export class NodeRedisSentinelSender implements CommandSender {
  readonly isCluster = false;
  private readonly sentinel: NodeRedisSentinel;

  constructor(sentinel: NodeRedisClient) {
    this.sentinel = sentinel as NodeRedisSentinel;
  }

  unusable(): string | undefined {
    return this.sentinel.isOpen ? undefined : NOT_CONNECTED;
  }

  send(_key: string | undefined, name: string, args: RedisArgument[], attempt?: Attempt): Promise<unknown> {
    return this.sentinel.sendCommand(false, partsOf(name, args), optionsOf(attempt));
  }

  async primaries(): Promise<CommandSender[]> {
    return [this];
  }

  async close(): Promise<void> {
    if (this.sentinel.isOpen) this.sentinel.destroy();
  }
}

/** Sends through a Cluster of node-redis. */
export class NodeRedisClusterSender implements CommandSender {
  readonly isCluster = true;

  constructor(private readonly cluster: NodeRedisCluster) {}

  unusable(): string | undefined {
    return this.cluster.isOpen ? undefined : NOT_CONNECTED;
  }

  async send(
    key: string | undefined,
    name: string,
    args: RedisArgument[],
    attempt?: Attempt,
  ): Promise<unknown> {
    if (key !== undefined)
      return this.cluster.sendCommand(key, false, partsOf(name, args), optionsOf(attempt));
    // Without a key, the client would send some commands to all nodes and join the answers.
    const node = await this.cluster.nodeClient(this.nodes()[0]!);
    return new NodeRedisSender(node).send(undefined, name, args, attempt);
  }

  async primaries(attempt?: Attempt): Promise<CommandSender[]> {
    let asked!: NodeRedisClient;
    const nodes = await findPrimaries({
      askSlots: async () => {
        // Any, so that one which is out of reach is not asked again and again.
        asked = await this.cluster.nodeClient(oneOf(this.nodes()));
        return new NodeRedisSender(asked).send(undefined, 'cluster', ['slots'], attempt);
      },
      primaryAt: (address) => this.nodes().find((node) => node.address === address),
      refresh: () => this.cluster._slots.rediscover(asked),
    });
    const clients = await Promise.all(nodes.map((node) => this.cluster.nodeClient(node)));
    return clients.map((client) => new NodeRedisSender(client));
  }

  async close(): Promise<void> {
    if (this.cluster.isOpen) this.cluster.destroy();
  }

  private nodes(): NodeOfCluster[] {
    const { masters } = this.cluster;
    if (masters.length === 0) throw new Error('The Cluster client has found no primary yet');
    return masters;
  }
}

function oneOf<T>(items: T[]): T {
  return items[Math.floor(Math.random() * items.length)]!;
}

/** The client takes a command that it has not written yet out of its queue when the attempt is given up. */
function optionsOf(attempt: Attempt | undefined): object {
  return attempt ? { ...SEND_OPTIONS, abortSignal: attempt.signal } : SEND_OPTIONS;
}

function partsOf(name: string, args: RedisArgument[]): Part[] {
  const parts: Part[] = [name];
  for (const argument of args) parts.push(typeof argument === 'number' ? String(argument) : argument);
  return parts;
}
