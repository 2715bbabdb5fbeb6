import { findPrimaries } from './cluster-primaries.js';
import type { CommandSender } from './command-sender.interface.js';
import type { IoredisClient } from './redis-client.interface.js';
import type { RedisArgument } from './redis-connection.interface.js';

/** What ioredis and iovalkey have beyond the public type, as far as it is used here. */
export interface IoredisCluster extends IoredisClient {
  readonly isCluster: true;
  readonly options: { enableAutoPipelining?: boolean; natMap?: NatMap };
  nodes(role: 'master' | 'all'): IoredisClusterNode[];
  refreshSlotsCache(callback: (error?: Error | null) => void): void;
  pipeline(): { call(command: string, ...args: RedisArgument[]): { exec(): Promise<PipelineAnswers> } };
}

interface Address {
  host: string;
  port: number;
}

/** The client of one node. */
export interface IoredisClusterNode extends IoredisClient {
  readonly options: Address;
}

/** Where nodes are for the client, by where they are for each other. */
type NatMap = Record<string, Address> | ((address: string) => Address | null);

type PipelineAnswers = [Error | null, unknown][] | null;

/** Sends through one connection of ioredis or iovalkey. */
export class IoredisSender implements CommandSender {
  readonly isCluster = false;

  constructor(private readonly client: IoredisClient) {}

  unusable(): undefined {
    return undefined; // it connects by itself
  }

  send(_key: string | undefined, name: string, args: RedisArgument[]): Promise<unknown> {
    return this.client.call(name, ...args);
  }

  async primaries(): Promise<CommandSender[]> {
    return [this];
  }

  async close(): Promise<void> {
    this.client.disconnect();
  }
}

/** Sends through a Cluster of ioredis or iovalkey, which finds the keys in a command by itself. */
export class IoredisClusterSender implements CommandSender {
  readonly isCluster = true;

  constructor(private readonly cluster: IoredisCluster) {}

  unusable(): undefined {
    return undefined;
  }

  send(_key: string | undefined, name: string, args: RedisArgument[]): Promise<unknown> {
    // Older versions take a script's hash for its key when they choose the pipeline a command joins by itself.
    if (this.cluster.options.enableAutoPipelining && name.startsWith('eval'))
      return this.sendAlone(name, args);
    return this.cluster.call(name, ...args);
  }

  async primaries(): Promise<CommandSender[]> {
    const nodes = await findPrimaries({
      askSlots: () => this.cluster.call('cluster', 'slots'),
      primaryAt: (address) => this.primaryAt(address),
      refresh: () => this.refresh(),
    });
    return nodes.map((node) => new IoredisSender(node));
  }

  async close(): Promise<void> {
    this.cluster.disconnect();
  }

  private primaryAt(address: string): IoredisClusterNode | undefined {
    const { natMap } = this.cluster.options;
    const mapped = typeof natMap === 'function' ? natMap(address) : natMap?.[address];
    const reachedAt = mapped ? `${mapped.host}:${mapped.port}` : address;
    return this.cluster
      .nodes('master')
      .find(({ options: { host, port } }) => `${host}:${port}` === reachedAt);
  }

  private refresh(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.cluster.refreshSlotsCache((error) => (error ? reject(error) : resolve()));
    });
  }

  private async sendAlone(name: string, args: RedisArgument[]): Promise<unknown> {
    const answers = await this.cluster
      .pipeline()
      .call(name, ...args)
      .exec();
    const [error, value] = answers![0]!;
    if (error) throw error;
    return value;
  }
}
