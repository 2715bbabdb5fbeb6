import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { connectionTo, subscriberOn } from '../../libs/mcp-sessions/src/redis/redis-client.js';
import type {
  RedisConnection,
  RedisSubscriber,
} from '../../libs/mcp-sessions/src/redis/redis-connection.interface.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { CLUSTER_CLIENTS, SENTINEL_CLIENTS, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import { RedisSentinel } from '../support/redis/redis-sentinel.js';
import { RedisServer } from '../support/redis/redis-server.js';

const COMMAND_TIMEOUT_MS = 500;
const PATIENCE_MS = 15_000;

/** A subscriber, what it has heard, and a connection to publish with. */
class Listening {
  readonly heard: string[] = [];
  renewals = 0;
  private published = 0;

  private constructor(
    readonly connection: RedisConnection,
    readonly subscriber: RedisSubscriber,
  ) {}

  static async on(
    makeClient: () => RedisClient | Promise<RedisClient>,
    ...channels: string[]
  ): Promise<Listening> {
    const [client, pubSubClient] = [await makeClient(), await makeClient()];
    const options = { owned: true, commandTimeoutMs: COMMAND_TIMEOUT_MS };
    const listening = new Listening(
      connectionTo(client, options),
      subscriberOn(pubSubClient, client, options),
    );
    cleanUpLater(async () => {
      await listening.subscriber.close();
      await listening.connection.close();
    });
    listening.subscriber.onResubscribed(() => (listening.renewals += 1));
    await listening.subscriber.subscribe(channels, (channel, message) => {
      listening.heard.push(`${channel} ${message.toString('hex')}`);
    });
    return listening;
  }

  /** Publishes one message after another until one is heard; whether all were. */
  async hearsAgain(channel: string): Promise<void> {
    await eventually(
      'a message to be heard',
      async () => {
        const message = Buffer.from([0xff, 0x00, (this.published += 1)]);
        await this.publish(channel, message);
        const expected = `${channel} ${message.toString('hex')}`;
        return eventually('it', () => this.heard.includes(expected), 100).catch(() => false);
      },
      PATIENCE_MS,
    );
  }

  async publish(channel: string, message: Buffer): Promise<void> {
    await this.connection.command(undefined, 'publish', channel, message).catch(() => undefined);
  }
}

describe.each(Object.entries(STANDALONE_CLIENTS))('P6 listening through %s', (_, makeClient) => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterAll(() => server.dispose());

  const listen = () => Listening.on(() => makeClient({ host: '127.0.0.1', port: server.port }), 'a', 'b:é');

  it('hears messages as the bytes that were sent, and no others', async () => {
    const listening = await listen();
    await listening.publish('other', Buffer.from('x'));
    await listening.publish('a', Buffer.from([0xff, 0x00, 0x0a]));
    await listening.publish('b:é', Buffer.from('é'));
    await eventually('both', () => listening.heard.length === 2);
    expect(listening.heard).toEqual(['a ff000a', 'b:é c3a9']);
    expect(listening.renewals).toBe(0);
  });

  it('tells when the channels are confirmed on a new connection, not before', async () => {
    const listening = await listen();
    for (let count = 1; count <= 3; count += 1) {
      await listening.connection.command(undefined, 'client', 'kill', 'type', 'pubsub');
      await eventually('the renewal', () => listening.renewals === count);
      // From here on, nothing may be missed.
      await listening.publish('a', Buffer.from([count]));
      await eventually('the message', () => listening.heard.at(-1) === `a 0${count}`);
    }
    expect(listening.heard).toHaveLength(3);
  });

  it('hears again by itself after an outage', async () => {
    const listening = await listen();
    await server.restart({ signal: 'SIGKILL' });
    await eventually('the renewal', () => listening.renewals > 0, PATIENCE_MS);
    await listening.hearsAgain('b:é');
  });

  it('subscribes anew on demand, on another connection the second time', async () => {
    const listening = await listen();
    const idsOf = async () => {
      const list = String(await server.command('client', 'list', 'type', 'pubsub'));
      return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id);
    };
    const before = await idsOf();
    await listening.subscriber.resubscribe();
    expect(await idsOf()).toEqual(before);
    await listening.subscriber.resubscribe();
    expect(listening.renewals).toBe(2);
    expect(await idsOf()).not.toEqual(before);
    await listening.hearsAgain('a');
  });

  it('rejects when the server does not confirm in time, and hears again when it does', async () => {
    const listening = await listen();
    server.pause();
    cleanUpLater(() => server.resume());
    await expect(listening.subscriber.resubscribe()).rejects.toMatchObject({ code: 'REDIS_COMMAND_TIMEOUT' });
    server.resume();
    await listening.hearsAgain('a');
  });
});

describe('P6 listening in a Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 30_000);

  afterAll(() => cluster.dispose());

  it.each(Object.entries(CLUSTER_CLIENTS))(
    'hears what any node publishes, and goes on when its own is lost, through %s',
    async (_, makeClient) => {
      const listening = await Listening.on(() => makeClient(cluster.addresses), 'a');
      for (const node of cluster.nodes) {
        const expected = `a ${Buffer.from(`from ${node.port}`).toString('hex')}`;
        // Again and again: a node that has just been restarted may not have its links to the others yet.
        await eventually('what the node publishes', async () => {
          await node.command('publish', 'a', `from ${node.port}`);
          return listening.heard.includes(expected);
        });
      }
      for (const node of cluster.nodes) {
        if (!String(await node.command('pubsub', 'numsub', 'a')).endsWith('1')) continue;
        await node.stop('SIGKILL');
        await eventually('the renewal', () => listening.renewals > 0, PATIENCE_MS);
        await node.restart();
        break;
      }
      await cluster.ready();
      await listening.hearsAgain('a');
      await listening.subscriber.resubscribe();
      await listening.subscriber.resubscribe();
      await listening.hearsAgain('a');
    },
    60_000,
  );
});

describe.each(Object.entries(SENTINEL_CLIENTS))(
  'P6 listening behind a Sentinel through %s',
  (_, makeClient) => {
    let sentinel: RedisSentinel;

    beforeAll(async () => {
      sentinel = await RedisSentinel.start();
    }, 30_000);

    afterAll(() => sentinel.dispose());

    it('hears again when its connection has broken, and after a failover', async () => {
      const listening = await Listening.on(() => makeClient(sentinel.address), 'a');
      await listening.hearsAgain('a');
      await sentinel.servers[0].command('client', 'kill', 'type', 'pubsub');
      await eventually('the renewal', () => listening.renewals > 0, PATIENCE_MS);
      await listening.hearsAgain('a');
      const before = listening.renewals;
      await sentinel.failOver();
      await eventually('the renewal', () => listening.renewals > before, PATIENCE_MS);
      await listening.hearsAgain('a');
    }, 60_000);
  },
);
