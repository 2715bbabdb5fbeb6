import { eventually } from '../eventually.js';
import { RedisServer } from './redis-server.js';

/** What the Sentinel calls the primary and its replicas. */
export const SENTINEL_NAME = 'sessions';

/** A primary with a replica, and a Sentinel that watches them. */
export class RedisSentinel {
  private constructor(
    readonly sentinel: RedisServer,
    /** The first one is the primary until a failover. */
    readonly servers: [RedisServer, RedisServer],
  ) {}

  static async start(): Promise<RedisSentinel> {
    const first = await RedisServer.start();
    const second = await RedisServer.start({ args: ['--replicaof', `127.0.0.1 ${first.port}`] });
    await eventually('the replica to follow', async () =>
      String(await second.command('info', 'replication')).includes('master_link_status:up'),
    );
    const sentinel = await RedisServer.start({
      sentinel: [
        `sentinel monitor ${SENTINEL_NAME} 127.0.0.1 ${first.port} 1`,
        `sentinel down-after-milliseconds ${SENTINEL_NAME} 500`,
        `sentinel failover-timeout ${SENTINEL_NAME} 3000`,
        '',
      ].join('\n'),
    });
    await eventually('the Sentinel to know the replica', async () => {
      const replicas = await sentinel.command('sentinel', 'replicas', SENTINEL_NAME);
      return (replicas as unknown[]).length === 1;
    });
    return new RedisSentinel(sentinel, [first, second]);
  }

  /** Where the Sentinel is, as clients take it. */
  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.sentinel.port };
  }

  /** Kills the primary and waits until the Sentinel names another one, which it returns. */
  async failOver(): Promise<RedisServer> {
    const former = await this.primaryPort();
    const [lost, successor] = this.servers[0].port === former ? this.servers : this.servers.toReversed();
    await lost!.stop('SIGKILL');
    await eventually('the failover', async () => (await this.primaryPort()) === successor!.port, 20_000);
    return successor!;
  }

  /** Starts the server again that the failover killed; it follows the new primary. */
  async bringBack(): Promise<void> {
    for (const server of this.servers) if (!server.isRunning) await server.restart();
  }

  async dispose(): Promise<void> {
    await this.sentinel.dispose();
    await Promise.all(this.servers.map((server) => server.dispose()));
  }

  private async primaryPort(): Promise<number> {
    const address = await this.sentinel.command('sentinel', 'get-master-addr-by-name', SENTINEL_NAME);
    return Number((address as string[])[1]);
  }
}
