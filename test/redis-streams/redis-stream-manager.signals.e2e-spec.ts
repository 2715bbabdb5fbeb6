import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { CLIENT_KINDS, ManagerProcess } from './manager-process.js';
import { numbers, ProcessPair } from './process-pair.js';

/** An instance whose two connections can be broken. */
interface Instance {
  manager: ManagerProcess;
  commands: CuttingProxy;
  messages: CuttingProxy;
}

let sessions = 0;
let sessionId: string;
beforeEach(() => {
  sessionId = `session-${(sessions += 1)}`;
});

describe.each(CLIENT_KINDS)('With %s,', (client) => {
  let server: RedisServer;
  let sender: Instance;
  let receiver: Instance;
  const endings: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    [sender, receiver] = await Promise.all([startInstance(), startInstance()]);
  }, 30_000);
  beforeEach(async () => {
    // From here on the servers know the scripts, and what is cut is no first attempt to run one.
    await sender.manager.notify(sessionId, 'first');
    await receives(['first']);
  });
  afterEach(async () => {
    expect([...sender.manager.unexpected, ...receiver.manager.unexpected]).toEqual([]);
    expect(await signalsOf(sender.manager)).toEqual([]); // its own
  });
  afterAll(async () => {
    await Promise.all([sender.manager.kill(), receiver.manager.kill()]);
    for (const end of endings) await end();
    await server.dispose();
  });

  async function startInstance(): Promise<Instance> {
    const proxy = (): Promise<CuttingProxy> => CuttingProxy.before(server.port, (end) => endings.push(end));
    const [commands, messages] = [await proxy(), await proxy()];
    const manager = await ManagerProcess.start({
      client,
      url: commands.origin.replace('http', 'redis'),
      pubSubUrl: messages.origin.replace('http', 'redis'),
      heartbeatInterval: 0.3,
      commandTimeoutMs: 1_500,
    });
    return { manager, commands, messages };
  }

  const signalsOf = (manager: ManagerProcess): Promise<unknown[]> => manager.call('signals', sessionId);
  const missed = (): Promise<number> => receiver.manager.call('signalsMissed');

  /** Waits for the signals, and a moment more, in which none may come twice. */
  async function receives(expected: string[]): Promise<void> {
    const isThere = async (): Promise<boolean> =>
      (await signalsOf(receiver.manager)).length >= expected.length;
    await eventually('the signals', isThere).catch(() => undefined);
    await delay(50);
    expect(await signalsOf(receiver.manager)).toEqual(expected);
  }

  async function sendEach(values: string[]): Promise<void> {
    for (const value of values) await sender.manager.notify(sessionId, value);
  }

  it.each([
    ['before the request', 'cutRequest'],
    ['before the reply', 'cutReply'],
  ] as const)('P2 a signal arrives once when the connection for commands breaks %s', async (_, cut) => {
    const missedBefore = await missed();
    const broken = sender.commands[cut](`unique ${sessionId} 5`);
    await sendEach(numbers(10, `unique ${sessionId} `));
    await broken;
    await receives(['first', ...numbers(10, `unique ${sessionId} `)]);
    expect(await missed()).toBe(missedBefore);
  });

  it('P2 signals that nobody waits for in between keep their order', async () => {
    const broken = sender.commands.cutReply(`unique ${sessionId} 9`);
    const values = numbers(300, `unique ${sessionId} `);
    await Promise.all(values.map((value) => sender.manager.notify(sessionId, value)));
    await broken;
    await receives(['first', ...values]);
  });

  it('P2 what was signalled while the connection for messages is broken arrives, once and in order', async () => {
    const missedBefore = await missed();
    const values = numbers(200);
    const sent = sendEach(values);
    for (let cuts = 0; cuts < 5; cuts += 1) {
      await delay(50);
      receiver.messages.cut();
    }
    await sent;
    await receives(['first', ...values]);
    expect(await missed()).toBe(missedBefore);
  });

  it('P2 what was signalled while the subscription is quiet arrives, once and in order', async () => {
    receiver.messages.mute();
    await sendEach(numbers(30));
    await receives(['first', ...numbers(30)]);
    // The others come on the renewed subscription.
    await sendEach(['31', '32']);
    await receives(['first', ...numbers(32)]);
  });

  it('P2 what is no longer kept is reported as missed, and what follows arrives', async () => {
    const missedBefore = await missed();
    receiver.manager.signal('SIGSTOP');
    await server.command('client', 'kill', 'type', 'pubsub');
    // More than the log keeps.
    const large = 'x'.repeat(1024 * 1024);
    for (let sent = 1; sent <= 6; sent += 1) await sender.manager.notify('another', `${sent}${large}`);
    await sendEach(['last']);
    receiver.manager.signal('SIGCONT');
    await receives(['first', 'last']);
    expect(await missed()).toBeGreaterThan(missedBefore);
  });

  it('P2 Redis that forgets everything silences nobody', async () => {
    const missedBefore = await missed();
    await server.command('flushall');
    await sendEach(numbers(3));
    await receives(['first', ...numbers(3)]);
    await eventually('the loss to be reported', async () => (await missed()) > missedBefore);
    await sendEach(['4']);
    await receives(['first', ...numbers(4)]);
  });

  it('P2 a log that has gone back silences nobody, doubles nothing, and is reported', async () => {
    const missedBefore = await missed();
    const key = 'mcp:stream:{signals}';
    await sendEach(numbers(3));
    await server.command('copy', key, 'copy');
    await sendEach(numbers(3, 'lost '));
    await receives(['first', ...numbers(3), ...numbers(3, 'lost ')]);
    await server.command('rename', 'copy', key);
    await sendEach(numbers(3, 'new '));
    await receives(['first', ...numbers(3), ...numbers(3, 'lost '), ...numbers(3, 'new ')]);
    expect(await missed()).toBeGreaterThan(missedBefore);
  });

  it('P2 signals go out while Redis is full', async () => {
    await server.command('config', 'set', 'maxmemory', 1);
    try {
      await sendEach(numbers(3));
    } finally {
      await server.command('config', 'set', 'maxmemory', 0);
    }
    await receives(['first', ...numbers(3)]);
    await sendEach(['4']);
    await receives(['first', ...numbers(4)]);
  });

  it('an instance that starts does not hear what was signalled before', async () => {
    await sendEach(['before']);
    const { manager } = await startInstance();
    try {
      await sendEach(['after']);
      await eventually('the signal', async () => (await signalsOf(manager)).length > 0);
      expect(await signalsOf(manager)).toEqual(['after']);
      expect(await manager.call('signalsMissed')).toBe(0);
    } finally {
      await manager.kill();
    }
  });
});

describe.each(['ioredis 6', 'node-redis 6'])('On a Cluster, with %s,', (client) => {
  let cluster: RedisCluster;
  let pair: ProcessPair;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    pair = await ProcessPair.start({ client, cluster: cluster.addresses });
  }, 60_000);
  afterAll(async () => {
    await pair.kill();
    await cluster.dispose();
  });

  it('P2 what was signalled while the subscriptions are broken arrives, once and in order', async () => {
    const { sender, holder } = pair;
    const values = numbers(100);
    for (const value of values) {
      await sender.notify(sessionId, value);
      if (Number(value) % 20 !== 0) continue;
      for (const node of cluster.nodes) await node.command('client', 'kill', 'type', 'pubsub');
    }
    const received = (): Promise<unknown[]> => holder.call('signals', sessionId);
    await eventually('the signals', async () => (await received()).length >= 100, 15_000).catch(
      () => undefined,
    );
    await delay(50);
    expect(await received()).toEqual(values);
    expect(await holder.call('signalsMissed')).toBe(0);
    expect(pair.unexpected).toEqual([]);
  });
});

it('The user of Redis that the guide describes can signal', async () => {
  const server = await RedisServer.start();
  cleanUpLater(() => server.dispose());
  const rules = '~mcp:* &mcp:* +@read +@write +@pubsub +@scripting +@connection +info +time'.split(' ');
  await server.command('acl', 'setuser', 'mcp', 'on', '>secret', ...rules);
  const pair = await ProcessPair.start({ url: server.url.replace('//', '//mcp:secret@') });
  cleanUpLater(() => pair.kill());
  await pair.sender.notify(sessionId, 'pushed');
  await server.command('client', 'kill', 'type', 'pubsub');
  await pair.sender.notify(sessionId, 'read');
  const received = (): Promise<unknown[]> => pair.holder.call('signals', sessionId);
  await eventually('the signals', async () => (await received()).length >= 2).catch(() => undefined);
  expect(await received()).toEqual(['pushed', 'read']);
});
