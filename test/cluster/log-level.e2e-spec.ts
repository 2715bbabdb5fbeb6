import { McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { CallControl } from '../support/call-control.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { Scenario } from '../support/scenario-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

interface Levelled extends Scenario {
  /** The log level of the newest server object. */
  level?: string;
}

/** A server object that has the level at once, and takes its time to say so. */
function createSlow(): Levelled {
  const scenario: Levelled = {
    control: new CallControl(),
    made: 0,
    factory: () => {
      const server = new McpServer({ name: 'slow', version: '1.0.0' }, { capabilities: { logging: {} } });
      server.registerTool('nothing', {}, () => ({ content: [] }));
      server.server.setRequestHandler('logging/setLevel', async ({ params }) => {
        scenario.level = params.level;
        await delay(params.level === 'error' ? 300 : 0);
        return {};
      });
      return server;
    },
  };
  return scenario;
}

const setLevel = (id: number, level: string) => ({
  ...{ jsonrpc: '2.0', id, method: 'logging/setLevel', params: { level } },
});

it('P1 levels that are set on two instances at once end the same on both', async () => {
  const [a, b] = (await startCluster(redis.url, 'v2', {}, createSlow)) as [Instance, Instance];
  const onA = await RawClient.open(a.url);
  const onB = b.serving(onA);
  for (const client of [onA, onB]) await client.ask(callRequest(1, 'nothing'));
  const slow = onA.ask(setLevel(2, 'error'));
  await eventually('the first to be handled', () => (a.scenario as Levelled).level === 'error');
  await onB.ask(setLevel(3, 'debug'));
  await eventually('the second to be repeated', () => (a.scenario as Levelled).level === 'debug');
  await slow;
  const levels = async () => [
    (await a.sessions.get(onA.sessionId!))!.logLevel,
    ...[a, b].map(({ scenario }) => (scenario as Levelled).level),
  ];
  await eventually('all to agree', async () => new Set(await levels()).size === 1);
  expect(await levels()).toEqual(['error', 'error', 'error']);
});
