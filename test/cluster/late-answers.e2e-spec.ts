import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { McpSessionsOptions } from 'nestjs-mcp-sessions';
import { eventually, within } from '../support/eventually.js';
import { callRequest, initializeRequest, INITIALIZED, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

const COMMAND_TIMEOUT_MS = 300;

let redis: RedisServer;
beforeEach(async () => (redis = await RedisServer.start({ appendOnly: true })));
afterEach(() => redis.dispose());

async function started(options: McpSessionsOptions = {}) {
  const common = { type: 'redis', url: redis.url, commandTimeoutMs: COMMAND_TIMEOUT_MS } as const;
  const stream = { ...common, heartbeatInterval: 1 };
  const instances = await startCluster(redis.url, 'v2', { store: common, stream, ...options });
  const [a, b, c] = instances as [Instance, Instance, Instance];
  return { a, b, logger: c.logger }; // What any of them logs goes where the last one's goes.
}

/** A call on the first instance that is about to finish. */
async function running(a: Instance) {
  const client = await RawClient.open(a.url);
  const stream = await client.stream(callRequest('my id', 'controlled', { name: 'late' }));
  const call = await a.scenario.control.started('late');
  const priming = (await stream.next())!.id!;
  return { client, stream, call, priming };
}

/** Longer than anybody waits for Redis. */
const outage = (): Promise<void> => delay(3 * COMMAND_TIMEOUT_MS);
const isWaiting = (line: string): boolean => line.includes('An answer cannot be put on its stream');
const isOver = (line: string): boolean => line.includes('No answer waits for its stream any more');

const theAnswer = { id: 'my id', result: { content: [{ text: 'the answer' }] } };

describe('a call that finishes while Redis is away', () => {
  it('P2 is answered on the connection that waits, once Redis is back', async () => {
    const { a, logger } = await started();
    const { stream, call } = await running(a);
    await redis.stop('SIGKILL');
    call.finish('the answer');
    await outage();
    await redis.restart();
    expect(await stream.rest()).toMatchObject([theAnswer]);
    expect(await stream.ended).toBe(true);
    await eventually('the end of it', () => logger.lines.some(isOver));
    expect(logger.errors.filter(isWaiting)).toHaveLength(1);
  }, 30_000);

  it('P2 is answered where its client resumes', async () => {
    const { a, b } = await started();
    const { client, stream, call, priming } = await running(a);
    await redis.stop('SIGKILL');
    call.finish('the answer');
    await outage();
    await stream.close();
    await redis.restart();
    const resumed = await eventually('the resume', () =>
      b
        .serving(client)
        .listen(priming)
        .catch(() => undefined),
    );
    expect(await within('the answer', resumed.rest())).toMatchObject([theAnswer]);
  }, 30_000);

  it('P3 is answered once when Redis had only hung, and carries out late what it was asked', async () => {
    const { a, b, logger } = await started();
    const { client, stream, call, priming } = await running(a);
    redis.pause();
    call.finish('the answer');
    await outage();
    redis.resume();
    expect(await stream.rest()).toMatchObject([theAnswer]);
    await eventually('the end of it', () => logger.lines.some(isOver));
    const resumed = await b.serving(client).listen(priming);
    expect(await resumed.rest()).toMatchObject([theAnswer]);
  }, 30_000);

  it('P2 over HTTP+SSE is answered once Redis is back', async () => {
    const { a } = await started();
    const stream = await new RawClient(`${a.url}/sse`).listen();
    const client = new RawClient(new URL((await stream.next())!.data!, a.url).href);
    for (const message of [initializeRequest('2024-11-05'), INITIALIZED]) {
      expect((await client.post(message)).status).toBe(202);
    }
    await stream.nextMessage();
    expect((await client.post(callRequest('my id', 'controlled', { name: 'late' }))).status).toBe(202);
    const call = await a.scenario.control.started('late');
    await redis.stop('SIGKILL');
    call.finish('the answer');
    await outage();
    await redis.restart();
    expect(await within('the answer', stream.nextMessage())).toMatchObject(theAnswer);
  }, 30_000);

  it('P2 is answered when Redis had no memory left', async () => {
    const { a, b, logger } = await started();
    const { client, stream, call, priming } = await running(a);
    await redis.command('config', 'set', 'maxmemory', '1');
    call.finish('the answer');
    await outage();
    await stream.close();
    await redis.command('config', 'set', 'maxmemory', '0');
    const resumed = await b.serving(client).listen(priming);
    expect(await within('the answer', resumed.rest())).toMatchObject([theAnswer]);
    expect(
      logger.lines.filter((line) => line.includes(client.sessionId!) || line.includes('the answer')),
    ).toEqual([]);
  }, 30_000);

  it('P2 is waited for by its instance when that stops', async () => {
    const { a } = await started({ shutdownGraceMs: 10_000 });
    const { stream, call } = await running(a);
    redis.pause();
    call.finish('the answer');
    const closed = a.close();
    await delay(COMMAND_TIMEOUT_MS / 3);
    redis.resume();
    expect(await stream.rest()).toMatchObject([theAnswer]);
    await closed;
  }, 30_000);

  it('is given up at the shutdown, which says so', async () => {
    const { a, logger } = await started();
    const { call } = await running(a);
    await redis.stop('SIGKILL');
    call.finish('the answer');
    await outage();
    await a.close();
    expect(a.status().answersLost).toBe(1);
    expect(
      logger.errors.filter((line) => line.includes('1 in all; the application shuts down')),
    ).toHaveLength(1);
  }, 30_000);
});
