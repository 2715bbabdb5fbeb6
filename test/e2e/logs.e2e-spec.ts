import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  InMemorySessionStore,
  InMemoryStreamManager,
  SessionStoreUnavailableError,
} from 'nestjs-mcp-sessions';
import { eventually } from '../support/eventually.js';
import { callRequest, initializeRequest, INITIALIZED, RawClient, refusal } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';
import { startCluster } from '../support/start-cluster.js';

class FailingStore extends InMemorySessionStore {
  isAway = false;
  isBroken = false;
  override async touch(sessionId: string) {
    if (this.isAway) throw new SessionStoreUnavailableError('The store is away');
    if (this.isBroken) throw new Error('Something unforeseen');
    return super.touch(sessionId);
  }
  override async update(sessionId: string, patch: object) {
    if (this.isAway) throw new SessionStoreUnavailableError('The store is away');
    return super.update(sessionId, patch);
  }
}

class FailingStreams extends InMemoryStreamManager {
  isBroken = false;
  override async release(...stream: Parameters<InMemoryStreamManager['release']>) {
    if (this.isBroken) throw new Error('Streams are broken');
    return super.release(...stream);
  }
}

describe('the log', () => {
  it('never has a session id in it, whatever happens', async () => {
    const [store, stream] = [new FailingStore(), new FailingStreams()];
    const scenario = createScenario('v2');
    let failsToClose = false;
    const { url, sessions, logger, close, events } = await startApp({
      store,
      stream,
      server: (context) => {
        const server = scenario.factory(context);
        return {
          connect: async (transport) => (await server).connect(transport),
          close: async () => {
            await (await server).close();
            if (failsToClose) throw new Error('Cannot close');
          },
        };
      },
    });
    const echo = callRequest(1, 'echo', { text: 'x' });
    const client = await RawClient.open(url);
    const sse = await new RawClient(`${url}/sse`).listen();
    const messages = new RawClient(new URL((await sse.next())!.data!, url).href);
    await messages.post(initializeRequest('2024-11-05'));
    const main = await client.listen();
    await client.ask(echo);
    await refusal(client.post('{'));
    await refusal(client.post(initializeRequest()));
    await refusal(client.get({ 'last-event-id': 'x' }));
    await refusal(new RawClient(url, { 'mcp-session-id': 'unknown' }).post(INITIALIZED));

    store.isAway = true;
    const away = await refusal(client.post(echo));
    expect(away).toMatchObject({ status: 503, code: -32000 });
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await refusal(client.get())).status).toBe(503);
    expect((await refusal(client.delete())).status).toBe(503);
    store.isAway = false;
    store.isBroken = true;
    const broken = await refusal(client.post(echo));
    expect(broken).toMatchObject({ status: 500, code: -32603 });
    expect(broken.message).not.toContain('unforeseen');
    store.isBroken = false;
    expect((await client.ask(echo)).result).toBeDefined();

    stream.isBroken = true;
    await main.close();
    await eventually('the log', () => logger.errors.some((line) => line.includes('Streams are broken')));
    stream.isBroken = false;
    failsToClose = true;
    await client.delete();
    await sse.close();
    await eventually('the ends', () => events.filter(({ type }) => type === 'ended').length === 2);
    await expect(sessions.notify(client.sessionId!, INITIALIZED)).rejects.toThrow('1 session(s) not found');
    const last = await RawClient.open(url);
    await close();

    const ids = [...new Set([...events.map(({ sessionId }) => sessionId), last.sessionId!])];
    expect(ids).toHaveLength(3);
    expect(logger.errors.length).toBeGreaterThanOrEqual(4);
    for (const id of ids) expect(logger.lines.filter((line) => line.includes(id))).toEqual([]);
  });

  it('has nothing in it but what Nest says, when nothing is wrong', async () => {
    const { url, logger, close } = await startApp({ server: createScenario('v2').factory });
    const atStart = logger.lines.length;
    const client = await RawClient.open(url);
    await client.ask(callRequest(1, 'echo', { text: 'x' }));
    await client.delete();
    await close();
    expect(logger.lines.slice(atStart)).toEqual([]);
  });
});

/** Ways in which Redis refuses or fails: what brings each about, and what ends it. */
const TROUBLES: Record<
  string,
  [begin: (redis: RedisServer) => unknown, end: (redis: RedisServer) => unknown]
> = {
  'a replica (READONLY)': [
    (redis) => redis.command('replicaof', '127.0.0.1', '1'),
    (redis) => redis.command('replicaof', 'no', 'one'),
  ],
  'no memory (OOM)': [
    (redis) => redis.command('config', 'set', 'maxmemory', '1'),
    (redis) => redis.command('config', 'set', 'maxmemory', '0'),
  ],
  'forbidden keys (NOPERM)': [
    (redis) => redis.command('acl', 'setuser', 'default', 'resetkeys'),
    (redis) => redis.command('acl', 'setuser', 'default', 'allkeys'),
  ],
  'no scripts (NOSCRIPT, unknown command)': [
    async (redis) => {
      await redis.command('script', 'flush');
      await redis.command('acl', 'setuser', 'default', '-eval');
    },
    (redis) => redis.command('acl', 'setuser', 'default', '+eval'),
  ],
  'values of another type (WRONGTYPE)': [
    async (redis) => {
      for (const key of (await redis.command('keys', '*')) as string[]) {
        await redis.command('del', key);
        await redis.command('set', key, 'x');
      }
    },
    (redis) => redis.command('flushall'),
  ],
  'an outage': [(redis) => redis.stop('SIGKILL'), (redis) => redis.restart()],
};

describe('the log, with Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => (redis = await RedisServer.start({ appendOnly: true })));
  afterAll(() => redis.dispose());

  it.each(Object.entries(TROUBLES))(
    'P7 never has a session id, an owner or data in it: %s',
    async (_name, [begin, end]) => {
      const principal = () => 'the-owner';
      const instances = await startCluster(redis.url, 'v2', { principal }, undefined, {
        commandTimeoutMs: 500,
      });
      const loggers = instances.map(({ logger }) => logger);
      const [a, b] = instances as [(typeof instances)[0], (typeof instances)[0]];
      const client = await RawClient.open(a.url);
      await client.ask(callRequest(1, 'echo', { text: 'x' }));
      await a.sessions.setData(client.sessionId!, { said: 'the-payload' });
      const main = await client.listen();

      await begin(redis);
      const echo = callRequest(2, 'echo', { text: 'the-payload' });
      const subscribe = {
        ...callRequest(3, ''),
        method: 'resources/subscribe',
        params: { uri: 'note://one' },
      };
      const attempts = [
        (at: RawClient) => at.post(echo),
        (at: RawClient) => at.post(subscribe),
        (at: RawClient) => new RawClient(at.url).post(initializeRequest()),
        (at: RawClient) => at.post({ jsonrpc: '2.0', id: 'q-1', result: { said: 'the-payload' } }),
      ];
      const message = { method: 'notifications/x', params: { said: 'the-payload' } };
      // What comes of them is not asked here; each is as free to be refused as to be answered, now or when it is over.
      const attempted = Promise.allSettled([
        ...attempts.map((attempt) => attempt(client).then((response) => response.text())),
        ...attempts.map((attempt) => attempt(b.serving(client)).then((response) => response.text())),
        a.sessions.notify(client.sessionId!, message),
        b.sessions.notifyAll(message),
        main.close(),
      ]);
      await Promise.race([attempted, delay(2_000)]);
      await (await client.delete()).text();
      await end(redis);
      await attempted;

      await eventually('the log', () => loggers.some(({ errors }) => errors.length > 0));
      await Promise.all(instances.map(({ close }) => close()));
      const lines = loggers.flatMap((logger) => logger.lines);
      for (const secret of [client.sessionId!, 'the-owner', 'the-payload'])
        expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    },
  );
});
