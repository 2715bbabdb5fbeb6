import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { RedisCluster } from '../support/redis/redis-cluster.js';
import type { RedisServer } from '../support/redis/redis-server.js';
import { expectKept, sendWhile } from './load.js';
import { ManagerProcess } from './manager-process.js';
import { mainOf, ProcessPair } from './process-pair.js';

// A failover takes longer than anything else here.
jest.setTimeout(60_000);

/** node-redis takes five seconds until it asks anew who has which slots. */
const PATIENCE_MS = 20_000;
const BROADCASTS = '{broadcasts}';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start({ replicas: true });
});
afterAll(() => cluster.dispose());

describe.each(['ioredis 6', 'node-redis 6'])('When a node of the Cluster dies, with %s,', (client) => {
  let pair: ProcessPair;
  let sender: ManagerProcess;
  let holder: ManagerProcess;

  const settings = () => ({
    ...{ client, cluster: cluster.addresses, prefix: `${client}:` },
    ...{ commandTimeoutMs: 4_000, heartbeatInterval: 0.5 },
  });
  beforeAll(async () => {
    pair = await ProcessPair.start(settings());
    ({ sender, holder } = pair);
  });
  afterEach(async () => {
    expect(pair.unexpected).toEqual([]);
    await cluster.bringBack();
  });
  afterAll(() => pair.kill());

  /** Waits until an instance reaches the nodes of the session and of the broadcasts again. */
  async function reached(manager: ManagerProcess, sessionId: string): Promise<void> {
    for (const to of [[sessionId], null]) {
      const isSent = (): Promise<boolean> =>
        manager.send(to, 'unheeded').then(
          () => true,
          () => false,
        );
      await eventually('the nodes', isSent, PATIENCE_MS);
    }
  }

  async function expectKeptWhenDying(node: RedisServer, sessionId: string): Promise<void> {
    const load = await sendWhile(pair, sessionId, async () => {
      const takeOver = await cluster.kill(node);
      await takeOver();
      await reached(sender, sessionId);
      await reached(holder, sessionId);
    });
    expectKept(load);
  }

  /** The node on which the instance listens that holds this stream. */
  async function listeningNode(sessionId: string): Promise<RedisServer> {
    const key = `${client}:session:{${sessionId}}:streams`;
    const record = String(await (await cluster.ownerOf(key)).command('hget', key, 'main'));
    for (const node of cluster.nodes) {
      const channels = (await node.command('pubsub', 'channels', `${client}:instance:*`)) as string[];
      if (channels.some((channel) => record.includes(channel.split(':').at(-1)!))) return node;
    }
    throw new Error(`Nobody listens for ${record}`);
  }

  it('P2 events and broadcasts whose logs were there arrive once and in order, or their loss is signalled', async () => {
    const owner = await cluster.ownerOf(BROADCASTS);
    await expectKeptWhenDying(owner, await cluster.sessionIdOn(owner, 'logs'));
  });

  it('P2 the same when it passed messages on to the instance that holds the stream', async () => {
    await holder.open('listening', mainOf('listening'));
    const node = await listeningNode('listening');
    const owner = (await cluster.primaries()).find((primary) => primary !== node)!;
    await expectKeptWhenDying(node, await cluster.sessionIdOn(owner, 'messages'));
  });

  it('P6 while nobody has its slots, operations say so, none says "absent", and connections stay', async () => {
    const owner = await cluster.ownerOf(BROADCASTS);
    const sessionId = await cluster.sessionIdOn(owner, 'away');
    await holder.open(sessionId, mainOf(sessionId));
    await sender.send([sessionId], '1');
    await sender.send(null, '2');
    await holder.receives(sessionId, 2);
    const takeOver = await cluster.kill(owner);
    const operations: [string, ...unknown[]][] = [
      ['open', 'other', { sessionId, key: 'other' }],
      ['append', mainOf(sessionId), 'unheeded'],
      ['send', [sessionId], 'unheeded'],
      ['send', null, 'unheeded'],
      ['has', sessionId],
      ['position', { sessionId, key: 'other' }],
      ['register', 1, sessionId],
      ['forward', { id: 1 }, sessionId],
    ];
    const answers = operations.map(([method, ...args]) => sender.call(method, ...args));
    for (const [index, answer] of (await Promise.allSettled(answers)).entries()) {
      const reason = { code: 'STREAM_MANAGER_UNAVAILABLE' };
      expect([operations[index], answer]).toMatchObject([operations[index], { status: 'rejected', reason }]);
    }
    expect((await holder.read(sessionId)).closed).toBe(false);
    await takeOver();
    await reached(sender, sessionId);
    await reached(holder, sessionId);
    await pair.expectWhole(sessionId);
    expect((await holder.read(sessionId)).data.slice(0, 2).toSorted()).toEqual(['1', '2']);
  });

  it('P5 a client whose instance died with it gets elsewhere what it lacks, and what comes then', async () => {
    const owner = (await cluster.primaries())[0]!;
    const sessionId = await cluster.sessionIdOn(owner, 'dead');
    const mortal = await ManagerProcess.start(settings());
    cleanUpLater(() => mortal.kill());
    await mortal.open(sessionId, mainOf(sessionId));
    await sender.send([sessionId], 'delivered');
    const { lastEventId } = await mortal.receives(sessionId, 1);
    await mortal.kill();
    await sender.send([sessionId], '1');
    await cluster.copied(owner);
    const takeOver = await cluster.kill(owner);
    await takeOver();
    await eventually(
      'it to be gone',
      async () => !(await sender.has(sessionId).catch(() => true)),
      PATIENCE_MS,
    );
    await sender.open(sessionId, mainOf(sessionId), lastEventId);
    await holder.send([sessionId], '2');
    const { data, comments } = await sender.receives(sessionId, 2);
    expect(data).toEqual(['1', '2']);
    expect(comments).toEqual([]);
    // Its heartbeat may not have got through meanwhile.
    await eventually('the stream to be known', () => holder.has(sessionId));
  });
});
