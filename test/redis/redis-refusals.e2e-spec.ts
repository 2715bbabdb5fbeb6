import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { McpSessionsOptions } from 'nestjs-mcp-sessions';
import { RedisSessionStore } from '../../libs/mcp-sessions/src/session-store/redis-session-store.js';
import { RedisStreamManager } from '../../libs/mcp-sessions/src/streams/redis-stream-manager.js';
import { cleanUpLater } from '../support/clean-up.js';
import { agedRedis } from '../support/redis/aged-redis.js';
import { closeClient, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import { RedisSentinel } from '../support/redis/redis-sentinel.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** As `docs/guides/redis.md` has it. */
const ALLOWED = '~mcp:* &mcp:* +@read +@write +@pubsub +@scripting +@connection +info +time'.split(' ');

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});

afterAll(() => server.dispose());

/** Two clients of that server, which are closed after the test. */
async function makeTwo(makeClient: (typeof STANDALONE_CLIENTS)[string], port: number) {
  const two = [
    await makeClient({ host: '127.0.0.1', port }),
    await makeClient({ host: '127.0.0.1', port }),
  ] as const;
  cleanUpLater(() => two.forEach(closeClient));
  return two;
}

async function refusalAt(url: string, ...parts: ('store' | 'stream')[]): Promise<object | undefined> {
  return refusalOf(Object.fromEntries(parts.map((part) => [part, { type: 'redis', url }])));
}

/** Starts an application. @returns why it does not start; only that, since an application takes ages to print */
async function refusalOf(options: Partial<McpSessionsOptions>): Promise<object | undefined> {
  try {
    await startApp({ server: createScenario('v2').factory, ...options });
    return undefined;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    return { code, message };
  }
}

async function urlOfUser(...rules: string[]): Promise<string> {
  await server.command('acl', 'setuser', 'mcp', 'reset', 'on', '>secret', ...rules);
  return server.url.replace('//', '//mcp:secret@');
}

describe('A server older than 6.2, which is a newer one behind a proxy that changes what INFO says,', () => {
  const refusal = {
    code: 'INVALID_CONFIGURATION',
    message: expect.stringMatching(
      /^The server is Redis 6\.0\.\d+; sessions need Redis 6\.2 or newer, or Valkey$/,
    ),
  };
  let port: number;
  let close: () => void;

  beforeAll(async () => {
    port = await agedRedis(server.port, (end) => (close = end));
  });

  afterAll(() => close());

  it.each(Object.entries(STANDALONE_CLIENTS))(
    'is refused by store and streams, each time they are asked, through %s',
    async (_, makeClient) => {
      const [client, pubSubClient] = await makeTwo(makeClient, port);
      const store = new RedisSessionStore({ client });
      await expect(store.get('session')).rejects.toMatchObject(refusal);
      await expect(store.set('session', { lastAccessedAt: 1 })).rejects.toMatchObject(refusal);
      const manager = new RedisStreamManager({ client, pubSubClient });
      await expect(manager.start()).rejects.toMatchObject(refusal);
      await expect(manager.has('session')).rejects.toMatchObject(refusal);
      await manager.close();
      expect(await server.command('dbsize')).toBe(0);
    },
  );

  it.each([['store'], ['stream']] as const)(
    'keeps an application from starting: option `%s`',
    async (part) => {
      expect(await refusalAt(`redis://127.0.0.1:${port}`, part)).toMatchObject(refusal);
    },
  );
});

describe('A server that needs another kind of client', () => {
  const clusterRefusal = {
    code: 'INVALID_CONFIGURATION',
    message: expect.stringMatching(/^The server is a node of a Redis Cluster: .*clients of the Cluster/),
  };
  const sentinelRefusal = {
    code: 'INVALID_CONFIGURATION',
    message: expect.stringMatching(/^The server is a Sentinel.*ask it for the primary/),
  };
  let cluster: RedisCluster;
  let sentinel: RedisSentinel;

  beforeAll(async () => {
    [cluster, sentinel] = await Promise.all([RedisCluster.start(), RedisSentinel.start()]);
  }, 30_000);

  afterAll(() => Promise.all([cluster.dispose(), sentinel.dispose()]));

  it.each(Object.entries(STANDALONE_CLIENTS))(
    'is refused by store and streams, each time they are asked, through %s',
    async (_, makeClient) => {
      for (const [{ port }, refusal] of [
        [cluster.nodes[0]!, clusterRefusal],
        [sentinel.sentinel, sentinelRefusal],
      ] as const) {
        const [client, pubSubClient] = await makeTwo(makeClient, port);
        const store = new RedisSessionStore({ client });
        for (const id of ['a', 'b']) await expect(store.get(id)).rejects.toMatchObject(refusal);
        const manager = new RedisStreamManager({ client, pubSubClient });
        await expect(manager.start()).rejects.toMatchObject(refusal);
        await expect(manager.has('session')).rejects.toMatchObject(refusal);
        await manager.close();
      }
    },
  );

  it.each([['store'], ['stream']] as const)(
    'keeps an application from starting: option `%s`',
    async (part) => {
      expect(await refusalAt(cluster.nodes[0]!.url, part)).toMatchObject(clusterRefusal);
      expect(await refusalAt(sentinel.sentinel.url, part)).toMatchObject(sentinelRefusal);
    },
  );

  it.each([['store'], ['stream']] as const)(
    'or is another one, since it is a replica, is named as such: option `%s`',
    async (part) => {
      expect(await refusalAt(sentinel.servers[1].url, part)).toMatchObject({
        code: 'INVALID_CONFIGURATION',
        message: expect.stringMatching(/is a replica.*READONLY.*address of the primary/),
      });
    },
  );
});

describe('A server that takes connections and answers nothing', () => {
  it('keeps no application waiting for longer than a start may take, whatever the command timeout', async () => {
    const commandTimeoutMs = 600_000;
    const [client, pubSubClient] = await makeTwo(STANDALONE_CLIENTS['node-redis 6']!, server.port);
    const type = 'redis';
    const { url } = server;
    server.pause();
    cleanUpLater(() => server.resume());
    const refusals = await Promise.all([
      refusalOf({ store: { type, url, commandTimeoutMs } }),
      refusalOf({ store: { type, client, commandTimeoutMs } }),
      refusalOf({ stream: { type, url, commandTimeoutMs } }),
      refusalOf({ stream: { type, client, pubSubClient, commandTimeoutMs } }),
    ]);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'INVALID_CONFIGURATION',
        message: expect.stringMatching(/has not answered for 10 seconds \(no reply\): start it/),
      });
    }
  });
});

describe('A user of Redis', () => {
  it('who may do what the guide says can have an application', async () => {
    expect(await refusalAt(await urlOfUser(...ALLOWED), 'store', 'stream')).toBeUndefined();
  });

  it.each([
    ['to run scripts', '-@scripting', 'store', /NOPERM.*eval/],
    ['to write', '-@write', 'store', /permission/],
    ['to read', '-@read', 'store', /NOPERM/],
    ['to use keys of the prefix', 'resetkeys', 'store', /NOPERM.*key/],
    ['to run scripts', '-@scripting', 'stream', /NOPERM.*eval/],
    ['to write', '-@write', 'stream', /permission/],
    ['to use pub/sub', '-@pubsub', 'stream', /NOPERM.*subscribe/],
    ['to use channels of the prefix', 'resetchannels', 'stream', /NOPERM.*channel/],
  ] as const)(
    'who is not allowed %s (%s) is told so at the start: option `%s`',
    async (_, rule, part, reason) => {
      const url = await urlOfUser(...ALLOWED, rule);
      const refused = await refusalAt(url, part);
      expect(refused).toMatchObject({
        code: 'INVALID_CONFIGURATION',
        message: expect.stringMatching(reason),
      });
      const begin = `The Redis of the option \`${part}\` refuses`;
      expect(refused).toMatchObject({ message: expect.stringContaining(begin) });
      expect(refused).toMatchObject({ message: expect.not.stringContaining('secret') });
    },
  );

  it.each([['store'], ['stream']] as const)(
    'whose password is wrong is told so at the start: option `%s`',
    async (part) => {
      const url = (await urlOfUser(...ALLOWED)).replace('secret', 'other');
      expect(await refusalAt(url, part)).toMatchObject({
        code: 'INVALID_CONFIGURATION',
        message: expect.stringMatching(/does not let the client in.*WRONGPASS/),
      });
    },
  );
});
