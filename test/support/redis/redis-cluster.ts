import { eventually } from '../eventually.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const PRIMARIES = 3;

/** A Redis Cluster of three primaries, without replicas. */
export class RedisCluster {
  private constructor(readonly nodes: RedisServer[]) {}

  static async start(): Promise<RedisCluster> {
    const nodes: RedisServer[] = [];
    for (let count = 0; count < PRIMARIES; count += 1) {
      const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
      nodes.push(await RedisServer.start({ port: await freePort({ forCluster: true }), args }));
    }
    const [first, ...others] = nodes;
    for (const [index, node] of nodes.entries()) {
      const from = Math.floor((index * SLOTS) / PRIMARIES);
      const to = Math.floor(((index + 1) * SLOTS) / PRIMARIES) - 1;
      await node.command('cluster', 'addslotsrange', from, to);
      await node.command('cluster', 'set-config-epoch', index + 1);
    }
    for (const node of others) await node.command('cluster', 'meet', '127.0.0.1', first!.port);
    const cluster = new RedisCluster(nodes);
    await cluster.ready();
    return cluster;
  }

  /** Where each node is, as clients take it. */
  get addresses(): { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** Waits until every node finds the Cluster whole. */
  async ready(): Promise<void> {
    for (const node of this.nodes) {
      await eventually('the Cluster to be whole', async () => {
        const info = String(await node.command('cluster', 'info').catch(() => ''));
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${PRIMARIES}`);
      });
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.dispose()));
  }
}
