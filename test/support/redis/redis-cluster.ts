import { Redis } from 'ioredis';
import { eventually } from '../eventually.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
const PRIMARIES = 3;

type NodeOfSlots = [host: string, port: number, ...unknown[]];
/** What `CLUSTER SLOTS` says of a range of slots. */
type SlotRange = [from: number, to: number, primary: NodeOfSlots, ...replicas: NodeOfSlots[]];

/** A Redis Cluster of three primaries. */
export class RedisCluster {
  private constructor(readonly nodes: RedisServer[]) {}

  /** @param options.replicas whether each primary has a replica; the primaries are first among the nodes */
  static async start({ replicas = false } = {}): Promise<RedisCluster> {
    const nodes: RedisServer[] = [];
    while (nodes.length < (replicas ? 2 * PRIMARIES : PRIMARIES)) nodes.push(await startNode());
    const [first, ...others] = nodes;
    for (const [index, node] of nodes.slice(0, PRIMARIES).entries()) {
      const from = Math.floor((index * SLOTS) / PRIMARIES);
      const to = Math.floor(((index + 1) * SLOTS) / PRIMARIES) - 1;
      await node.command('cluster', 'addslotsrange', from, to);
      await node.command('cluster', 'set-config-epoch', index + 1);
    }
    for (const node of others) await node.command('cluster', 'meet', '127.0.0.1', first!.port);
    const cluster = new RedisCluster(nodes);
    await cluster.ready();
    for (const [index, replica] of nodes.slice(PRIMARIES).entries()) {
      await replica.command('cluster', 'replicate', String(await nodes[index]!.command('cluster', 'myid')));
    }
    await cluster.replicated();
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
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${this.nodes.length}`);
      });
    }
  }

  /** Those that own slots at the moment. */
  async primaries(): Promise<RedisServer[]> {
    return (await this.slotsAt(this.running[0]!)).map(([, , primary]) => this.nodeAt(primary));
  }

  /** The primary of the slot that the key is in. */
  async ownerOf(key: string): Promise<RedisServer> {
    const [node] = this.running;
    const slot = Number(await node!.command('cluster', 'keyslot', key));
    const range = (await this.slotsAt(node!)).find(([from, to]) => from <= slot && slot <= to);
    return this.nodeAt(range![2]);
  }

  /** A session id whose keys are on that primary; with the same name and primary always the same one. */
  async sessionIdOn(primary: RedisServer, name: string): Promise<string> {
    for (let number = 0; ; number += 1) {
      const sessionId = `${name}-${number}`;
      if ((await this.ownerOf(`{${sessionId}}`)) === primary) return sessionId;
    }
  }

  /**
   * Kills a node. A primary's slots have no owner until the test calls what this returns, which lets the replica take
   * over and waits until the others know.
   */
  async kill(node: RedisServer): Promise<() => Promise<void>> {
    const replica = await this.replicaOf(node);
    await replica?.command('config', 'set', 'cluster-replica-no-failover', 'yes');
    await node.stop('SIGKILL');
    return async () => {
      await replica?.command('config', 'set', 'cluster-replica-no-failover', 'no');
      for (const other of this.running) {
        await eventually('the failover', () => this.isWhole(other, node), 20_000);
      }
    };
  }

  /** Adds a primary without slots, which every node knows of. */
  async addPrimary(): Promise<RedisServer> {
    const node = await startNode();
    this.nodes.push(node);
    await node.command('cluster', 'meet', '127.0.0.1', this.nodes[0]!.port);
    await this.ready();
    return node;
  }

  /** Moves the first `count` slots of one primary, and the keys that are in them, to another; waits until all know. */
  async moveSlots(from: RedisServer, to: RedisServer, count: number): Promise<void> {
    const range = (await this.slotsAt(from)).find(([, , owner]) => owner[1] === from.port)!;
    const slots = Array.from({ length: count }, (_, index) => range[0] + index);
    const [source, target] = await Promise.all([
      from.command('cluster', 'myid'),
      to.command('cluster', 'myid'),
    ]);
    const clients = [new Redis(from.port), new Redis(to.port)] as const;
    const [giver, taker] = clients;
    try {
      await Promise.all(slots.map((slot) => taker.cluster('SETSLOT', slot, 'IMPORTING', String(source))));
      await Promise.all(slots.map((slot) => giver.cluster('SETSLOT', slot, 'MIGRATING', String(target))));
      const keys = (
        await Promise.all(slots.map((slot) => giver.cluster('GETKEYSINSLOT', slot, 1_000)))
      ).flat();
      await Promise.all(keys.map((key) => giver.migrate('127.0.0.1', to.port, String(key), 0, 5_000)));
      for (const client of [taker, giver]) {
        await Promise.all(slots.map((slot) => client.cluster('SETSLOT', slot, 'NODE', String(target))));
      }
    } finally {
      for (const client of clients) client.disconnect();
    }
    const [first] = slots;
    for (const node of this.running) {
      await eventually('all to know the new owner', async () => {
        const ranges = await this.slotsAt(node);
        const moved = ranges.filter(([begin, , owner]) => owner[1] === to.port && begin <= first!);
        return moved.some(([, end]) => end >= first! + count - 1);
      });
    }
  }

  /** Waits until the replica has all that the primary has at the moment. */
  async copied(primary: RedisServer): Promise<void> {
    const replica = (await this.replicaOf(primary))!;
    const offset = await numberIn(primary, 'master_repl_offset');
    await eventually('the copy', async () => (await numberIn(replica, 'slave_repl_offset')) >= offset);
  }

  /** Starts the nodes again that were killed; they follow who has taken over. */
  async bringBack(): Promise<void> {
    for (const node of this.nodes) if (!node.isRunning) await node.restart();
    await this.replicated();
  }

  async dispose(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.dispose()));
  }

  /** Waits until every replica has what its primary has, and every node knows of every replica. */
  private async replicated(): Promise<void> {
    const replicas = this.nodes.length - PRIMARIES;
    for (const node of this.nodes) {
      await eventually('the replicas to follow', async () => {
        const ranges = await this.slotsAt(node).catch(() => []);
        const known = new Set(ranges.flatMap(([, , , ...followers]) => followers.map(([, port]) => port)));
        const info = String(await node.command('info', 'replication'));
        return known.size === replicas && !info.includes('master_link_status:down');
      });
    }
  }

  /** Whether this node knows an owner of every slot, and that the lost one owns none. */
  private async isWhole(node: RedisServer, lost: RedisServer): Promise<boolean> {
    const info = String(await node.command('cluster', 'info'));
    const ranges = await this.slotsAt(node);
    return info.includes('cluster_state:ok') && ranges.every(([, , [, port]]) => port !== lost.port);
  }

  private async slotsAt(node: RedisServer): Promise<SlotRange[]> {
    return (await node.command('cluster', 'slots')) as SlotRange[];
  }

  private get running(): RedisServer[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  /** @returns `undefined` for a node that is a replica itself */
  private async replicaOf(node: RedisServer): Promise<RedisServer | undefined> {
    const ranges = await this.slotsAt(node);
    const replica = ranges.find(([, , owner]) => owner[1] === node.port)?.[3];
    return replica && this.nodeAt(replica);
  }

  private nodeAt([, port]: NodeOfSlots): RedisServer {
    return this.nodes.find((node) => node.port === port)!;
  }
}

async function startNode(): Promise<RedisServer> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  // Replicas follow at once, are named as soon as something has come, if only a ping, and may take over at any time.
  args.push('--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1');
  args.push('--cluster-replica-validity-factor', '0');
  return RedisServer.start({ port: await freePort({ forCluster: true }), args });
}

async function numberIn(node: RedisServer, field: string): Promise<number> {
  const info = String(await node.command('info', 'replication'));
  return Number(new RegExp(`${field}:(\\d+)`).exec(info)![1]);
}
