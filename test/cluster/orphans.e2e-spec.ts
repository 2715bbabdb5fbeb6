import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppProcess } from '../support/app-process.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

const HEARTBEAT_S = 1;

async function startedPair() {
  const start = (): Promise<AppProcess> =>
    AppProcess.start({
      store: { type: 'redis', url: redis.url },
      stream: { type: 'redis', url: redis.url, heartbeatInterval: HEARTBEAT_S },
    });
  const [a, b] = await Promise.all([start(), start()]);
  const onA = await RawClient.open(`${a.origin}/mcp`);
  const onB = onA.at(`${b.origin}/mcp`);
  const call = await onA.stream(callRequest('my id', 'controlled', { name: 'orphan' }));
  const priming = (await call.next())!;
  await a.started('orphan');
  return { a, onB, call, priming: priming.id! };
}

describe('P5 a call whose instance is killed', () => {
  it('is answered with an error when its client resumes', async () => {
    const { a, onB, call, priming } = await startedPair();
    await a.kill('SIGKILL');
    expect(await call.ended).toBe(false);
    const answer = await eventually('the answer', async () => {
      const resumed = await onB.listen(priming);
      // Until the instance is known to be dead, its stream is waited on.
      const messages = await within('the end of the stream', resumed.rest(), 4_000 * HEARTBEAT_S);
      return messages[0];
    });
    expect(answer).toMatchObject({ id: 'my id', error: { code: -32000 } });
  }, 20_000);

  it('ends where its client had resumed before, so that it comes back for the error', async () => {
    const { a, onB, call, priming } = await startedPair();
    await call.close();
    const waiting = await onB.listen(priming);
    expect(await waiting.next()).toMatchObject({ id: priming, data: '' });
    await a.kill('SIGKILL');
    expect(await within('the end of the stream', waiting.rest(), 4_000 * HEARTBEAT_S)).toEqual([]);
    const resumed = await onB.listen(waiting.lastEventId);
    expect(await resumed.rest()).toMatchObject([{ id: 'my id', error: { code: -32000 } }]);
    expect(await resumed.ended).toBe(true);
  }, 20_000);
});
