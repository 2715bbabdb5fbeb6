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

interface Asking extends Scenario {
  /** What became of the questions. */
  outcomes: string[];
  /** Lets the making of server objects go on, where it waits for nothing else. */
  goOn: () => void;
}

/** Server objects that ask for roots as soon as they can: one that is made again does so while it is being made. */
function createAsking(waitsForAnswer: boolean): Asking {
  let goOn!: () => void;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const scenario: Asking = {
    control: new CallControl(),
    made: 0,
    outcomes: [],
    goOn,
    factory: () => {
      scenario.made += 1;
      const server = new McpServer(
        { name: 'asking', version: '1.0.0' },
        { capabilities: { resources: { subscribe: true } } },
      );
      server.registerTool('nothing', {}, () => ({ content: [] }));
      let asked: Promise<unknown>;
      server.server.oninitialized = () => {
        asked = server.server.listRoots({}, { timeout: 2_000 }).then(
          ({ roots }) => scenario.outcomes.push(roots.map(({ uri }) => uri).join()),
          (error: Error) => scenario.outcomes.push(error.message),
        );
      };
      server.server.setRequestHandler('resources/subscribe', async () => {
        await (waitsForAnswer ? asked : held);
        return {};
      });
      server.server.setRequestHandler('resources/unsubscribe', () => ({}));
      return server;
    },
  };
  return scenario;
}

const answerTo = (question: { id?: unknown }, uri: string) => ({
  jsonrpc: '2.0',
  id: question.id,
  result: { roots: [{ uri }] },
});

describe('a question of a server object that is being made', () => {
  it.each([
    ['lands there', 1, false],
    ['lands there, and the making waits for it', 1, true],
    ['lands on another instance', 0, false],
    ['lands on another instance, and the making waits for it', 0, true],
    ['lands where the session has no server object', 2, true],
  ])('P3 gets its answer: it %s', async (_where, index, waitsForAnswer) => {
    const create = () => createAsking(waitsForAnswer);
    const instances = (await startCluster(redis.url, 'v2', {}, create)) as [Instance, Instance, Instance];
    const [a, b] = instances.map(({ scenario }) => scenario as Asking) as [Asking, Asking];
    const client = await RawClient.open(instances[0].url, { capabilities: { roots: {} } });
    const main = await client.listen();
    await client.post(answerTo((await main.nextMessage())!, 'file:///a'));
    a.goOn();
    const subscribe = {
      jsonrpc: '2.0',
      id: 1,
      method: 'resources/subscribe',
      params: { uri: 'note://one' },
    };
    expect((await client.ask(subscribe)).result).toEqual({});
    expect(a.outcomes).toEqual(['file:///a']);

    const call = instances[1].serving(client).ask(callRequest(2, 'nothing'));
    const question = (await main.nextMessage())!;
    expect(question.method).toBe('roots/list');
    const response = await instances[index]!.serving(client).post(answerTo(question, 'file:///b'));
    expect(response.status).toBe(202);
    await eventually('the outcome', () => b.outcomes.length > 0);
    expect(b.outcomes).toEqual(['file:///b']);
    b.goOn();
    expect((await call).result).toEqual({ content: [] });
  });
});
