import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

/** An instance, and the proxy that its subscription goes through. */
async function startInstance() {
  const proxy = await CuttingProxy.before(redis.port);
  const client = new Redis(redis.url);
  const pubSubClient = new Redis(proxy.origin.replace('http', 'redis'));
  pubSubClient.on('error', () => undefined);
  cleanUpLater(() => [client, pubSubClient].forEach((each) => each.disconnect()));
  const scenario = createScenario('v2');
  const app = await startApp({
    server: scenario.factory,
    store: { type: 'redis', client },
    stream: { type: 'redis', client, pubSubClient, heartbeatInterval: 0.5, commandTimeoutMs: 2_000 },
  });
  return { ...app, scenario, proxy };
}

describe('P1 while the subscription of the instance that runs a call is down,', () => {
  it.each([
    ['broken', (proxy: CuttingProxy) => proxy.cut()],
    ['quiet', (proxy: CuttingProxy) => proxy.mute()],
  ])('its cancellation on another instance is not lost: %s', async (_, breakDown) => {
    const [a, b] = [await startInstance(), await startInstance()];
    const onA = await RawClient.open(a.url);
    await onA.stream(callRequest(1, 'controlled', { name: 'missed' }));
    const call = await a.scenario.control.started('missed');
    breakDown(a.proxy);
    const params = { requestId: 1, reason: 'no more' };
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params };
    expect((await onA.at(b.url).post(cancelled)).status).toBe(202);
    await eventually('the cancellation', () => call.signal.aborted);
    expect(call.signal.reason).toBe('no more');
  });
});
