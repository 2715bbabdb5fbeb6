import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

describe('P4 an instance that is at work for as many sessions as it may have', () => {
  it('refuses another one with 503, and takes it when it has finished with one', async () => {
    const limits = { sessions: 2, runtimes: 1 };
    const [a, b, c] = (await startCluster(redis.url, 'v2', { limits })) as [Instance, Instance, Instance];
    const clients = await Promise.all([b.url, b.url, c.url].map((url) => RawClient.open(url)));
    const [first, second, third] = clients.map((client) => a.serving(client)) as [
      RawClient,
      RawClient,
      RawClient,
    ];
    const streams = [];
    const calls = [];
    for (const [index, client] of [first, second].entries()) {
      streams.push(await client.stream(callRequest(1, 'controlled', { name: `call ${index}` })));
      calls.push(await a.scenario.control.started(`call ${index}`));
    }
    const refused = await third.post(callRequest(1, 'echo', { text: 'too many' }));
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(a.status().runtimes).toBe(2);

    calls[0]!.finish('done');
    expect(await streams[0]!.rest()).toMatchObject([{ id: 1 }]);
    expect(await third.ask(callRequest(2, 'echo', { text: 'now' }))).toMatchObject({ id: 2 });
    calls[1]!.finish('done');
  });
});
