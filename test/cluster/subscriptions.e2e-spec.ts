import { McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CallControl } from '../support/call-control.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { Scenario } from '../support/scenario-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

interface Subscriber extends Scenario {
  /** What the newest server object was asked to watch. */
  subscriptions: Set<string>;
}

/** Server objects that keep their own account of subscriptions, as applications do that send updates themselves. */
function createSubscriber(): Subscriber {
  const scenario: Subscriber = {
    control: new CallControl(),
    made: 0,
    subscriptions: new Set(),
    factory: () => {
      const subscriptions = (scenario.subscriptions = new Set());
      const server = new McpServer(
        { name: 'subscriber', version: '1.0.0' },
        { capabilities: { resources: { subscribe: true } } },
      );
      server.registerTool('nothing', {}, () => ({ content: [] }));
      server.server.setRequestHandler('resources/subscribe', ({ params }) => {
        subscriptions.add(params.uri);
        return {};
      });
      server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
        subscriptions.delete(params.uri);
        return {};
      });
      return server;
    },
  };
  return scenario;
}

let requests = 0;
const change = (method: string, uri: string) => {
  requests += 1;
  return { jsonrpc: '2.0', id: requests, method: `resources/${method}`, params: { uri } };
};

/** Three instances, each with a server object of the session. */
async function started() {
  const instances = (await startCluster(redis.url, 'v2', {}, createSubscriber)) as [
    Instance,
    Instance,
    Instance,
  ];
  const client = await RawClient.open(instances[0].url);
  const clients = instances.map((instance) => instance.serving(client));
  for (const each of clients) await each.ask(callRequest(`made-${(requests += 1)}`, 'nothing'));
  // From here on each instance has what others told it, not what it reads when it is asked for the first time.
  for (const { sessions } of instances) await sessions.notifyResourceUpdated('note://none');
  const stored = async () => {
    const { subscriptions = [] } = (await instances[0].sessions.get(client.sessionId!))!;
    return subscriptions.toSorted();
  };
  const known = () =>
    instances.map(({ scenario }) => [...(scenario as Subscriber).subscriptions].toSorted().join());
  const allAgree = async () => {
    const expected = (await stored()).join();
    return known().every((subscriptions) => subscriptions === expected);
  };
  return { instances, client, clients, stored, allAgree };
}

describe('subscriptions of one session on several instances at a time', () => {
  it('P2 are all kept once they are confirmed, and every instance knows them', async () => {
    const { instances, client, clients, stored, allAgree } = await started();
    const uris: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      const added = clients.map((_, index) => `note://${round}-${index}`);
      uris.push(...added);
      const answers = await Promise.all(
        clients.map((each, index) => each.ask(change('subscribe', added[index]!))),
      );
      expect(answers.map(({ result }) => result)).toEqual([{}, {}, {}]);
      expect(await stored()).toEqual(uris.toSorted());
    }
    await eventually('every server object to know all', allAgree);
    const main = await client.listen();
    for (const [index, { sessions }] of instances.entries()) {
      await sessions.notifyResourceUpdated(uris.at(-1 - index)!);
      expect((await main.nextMessage())?.params.uri).toBe(uris.at(-1 - index));
    }
  });

  it('P2 a subscription survives that another one is taken back elsewhere', async () => {
    const { instances, clients, stored, allAgree } = await started();
    for (let round = 0; round < 10; round += 1) {
      await clients[0]!.ask(change('subscribe', 'note://old'));
      await Promise.all([
        clients[0]!.ask(change('unsubscribe', 'note://old')),
        clients[1]!.ask(change('subscribe', `note://${round}`)),
        clients[2]!.ask(change('unsubscribe', `note://${round - 1}`)),
      ]);
      expect(await stored()).toEqual([`note://${round}`]);
    }
    await eventually('every server object to know the last one', allAgree);
    expect(instances.flatMap(({ logger }) => logger.errors)).toEqual([]);
  });

  it('P1 the same one, made here and taken back there, ends the same everywhere', async () => {
    const { clients, allAgree } = await started();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        clients.map((each, index) => each.ask(change(index % 2 ? 'unsubscribe' : 'subscribe', 'note://one'))),
      );
      await eventually('every server object to agree with the store', allAgree);
    }
  });
});
