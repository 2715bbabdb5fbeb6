import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { callRequest, initializeRequest, RawClient, refusal } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

let redis: RedisServer;
beforeEach(async () => (redis = await RedisServer.start({ appendOnly: true })));
afterEach(() => redis.dispose());

describe('while Redis is away', () => {
  it('P6 requests are answered with 503, streams stay, and all is well again when it is back', async () => {
    const [a, b] = (await startCluster(redis.url, 'v2')) as [Instance, Instance];
    const onA = await RawClient.open(a.url);
    const main = await b.serving(onA).listen();
    const running = await onA.stream(callRequest(1, 'controlled', { name: 'running' }));
    const call = await a.scenario.control.started('running');
    await redis.stop('SIGKILL');

    for (const answer of [
      onA.post(callRequest(2, 'echo', { text: 'x' })),
      b.serving(onA).get(),
      onA.delete(),
      new RawClient(a.url).post(initializeRequest()),
    ]) {
      const { status, headers, code } = await refusal(answer);
      expect({ status, code }).toEqual({ status: 503, code: -32000 });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await expect(a.sessions.notifyAll({ method: 'notifications/lost' })).rejects.toThrow('cannot be reached');
    expect(b.status().streams).toBe(1);

    await redis.restart();
    await eventually('Redis is used again', async () => {
      const answer = await onA.post(callRequest(3, 'echo', { text: 'back' }));
      await answer.text();
      return answer.status === 200;
    });
    await eventually('subscriptions are back', async () => {
      await a.sessions.notify(onA.sessionId!, { method: 'notifications/back' });
      return main.messages.some(({ method }) => method === 'notifications/back');
    });
    call.finish('done');
    expect((await running.rest()).at(-1)).toMatchObject({ id: 1, result: { content: [{ text: 'done' }] } });
    expect(main.comments).not.toContain('events-lost');
  });
});
