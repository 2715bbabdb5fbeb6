import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { startCluster, type Instance } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

async function started(count = 1) {
  const [a, b, c] = (await startCluster(redis.url, 'v2')) as [Instance, Instance, Instance];
  const onA = await RawClient.open(a.url);
  const calls = [];
  for (let index = 1; index <= count; index += 1) {
    const stream = await onA.stream(callRequest(index, 'controlled', { name: 'x' }));
    await a.scenario.control.started('x');
    calls.push({ stream, priming: (await stream.next())!.id! });
  }
  return { a, b, c, onA, calls };
}

const error = (id: number) => ({ id, error: { code: -32000, message: 'Connection closed' } });

/** Keys of the session: those with its id in them. */
async function keysOf(client: RawClient): Promise<string[]> {
  const keys = (await redis.command('keys', '*')) as string[];
  return keys.filter((key) => key.includes(client.sessionId!));
}

/** No key is left, and none comes back. */
async function expectNoKeys(client: RawClient): Promise<void> {
  await eventually('no key to be left', async () => (await keysOf(client)).length === 0, 3_000);
  await delay(100);
  expect(await keysOf(client)).toEqual([]);
}

describe('P1 a session that is deleted while a call runs', () => {
  it.each(['where the call runs', 'on another instance'])(
    'answers all requests in progress, ends their streams and leaves no key, when it is deleted %s',
    async (where) => {
      const { a, b, c, onA, calls } = await started(3);
      const main = await c.serving(onA).listen();
      expect((await keysOf(onA)).length).toBeGreaterThan(0);
      const deleted = where === 'on another instance' ? b : a;
      expect((await deleted.serving(onA).delete()).status).toBe(200);
      for (const [index, { stream }] of calls.entries()) {
        expect(await stream.rest()).toMatchObject([error(index + 1)]);
        expect(await stream.ended).toBe(true);
      }
      expect(await within('the end of the main stream', main.ended)).toBe(true);
      await expectNoKeys(onA);
    },
  );

  it.each(['where it runs', 'where its client is', 'on a third instance'])(
    'answers a call that was resumed elsewhere, when it is deleted %s',
    async (where) => {
      const { a, b, c, onA, calls } = await started();
      const [{ stream, priming }] = calls as [(typeof calls)[0]];
      await stream.close();
      const resumed = await b.serving(onA).listen(priming);
      expect(await resumed.next()).toMatchObject({ data: '' });
      const deleted = { 'where it runs': a, 'where its client is': b }[where] ?? c;
      expect((await deleted.serving(onA).delete()).status).toBe(200);
      expect(await resumed.rest()).toMatchObject([error(1)]);
      expect(await resumed.ended).toBe(true);
      await expectNoKeys(onA);
    },
  );

  it('leaves no key when the client of the call is away', async () => {
    const { b, onA, calls } = await started();
    await calls[0]!.stream.close();
    expect((await b.serving(onA).delete()).status).toBe(200);
    await expectNoKeys(onA);
  });

  it('tells an SDK client’s call, whichever instance is asked', async () => {
    const [a, b] = (await startCluster(redis.url, 'v2')) as [Instance, Instance];
    for (const asked of [a, b]) {
      const client = new Client({ name: 'client', version: '1' });
      const transport = new StreamableHTTPClientTransport(new URL(a.url));
      await client.connect(transport);
      const call = client.callTool({ name: 'controlled', arguments: { name: 'x' } }).catch(String);
      await a.scenario.control.started('x');
      const raw = new RawClient(asked.url);
      raw.sessionId = transport.sessionId;
      await raw.delete();
      expect(await within('the answer', call)).toContain('Connection closed');
      await client.close();
    }
  });
});
