import type { CommandSender } from './command-sender.interface.js';
import type { IoredisClient } from './redis-client.interface.js';
import type { RedisArgument } from './redis-connection.interface.js';

/** What ioredis and iovalkey have beyond the public type, as far as it is used here. */
export interface IoredisCluster extends IoredisClient {
  readonly isCluster: true;
  readonly options: { enableAutoPipelining?: boolean };
  nodes(role: 'master' | 'all'): IoredisClient[];
  pipeline(): { call(command: string, ...args: RedisArgument[]): { exec(): Promise<PipelineAnswers> } };
}

/** What `CLUSTER SLOTS` says of a range of slots. */
type SlotRange = [from: number, to: number, primary: [host: string, port: number, id: string], ...unknown[]];

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
    const ranges = (await this.cluster.call('cluster', 'slots')) as SlotRange[];
    const owners = new Set(ranges.map(([, , [, , id]]) => id)).size;
    const nodes = this.cluster.nodes('master');
    // The client forgets a node when the connection to it breaks: what is there would be missing without a word.
    if (nodes.length < owners) {
      throw new Error(`The Cluster client reaches ${nodes.length} of ${owners} primaries`);
    }
    return nodes.map((node) => new IoredisSender(node));
  }

  async close(): Promise<void> {
    this.cluster.disconnect();
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
