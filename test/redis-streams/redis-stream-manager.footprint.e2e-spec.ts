import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStreamManager } from '../../libs/mcp-sessions/src/streams/redis-stream-manager.js';
import { RecordingConnection } from '../../libs/mcp-sessions/src/testing/recording-connection.js';
import { frame } from '../../libs/mcp-sessions/src/testing/stream-manager-steps.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ManagerProcess } from './manager-process.js';
import { mainOf, numbers } from './process-pair.js';

const SESSION = '6f3c5b9e-1d0a-4c7e-9a55-0e5d7a7c2f11';

let server: RedisServer;
let redis: Redis;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.port);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.dispose();
});

async function makeManager(options: object = {}): Promise<RedisStreamManager> {
  const [client, pubSubClient] = [new Redis(server.port), new Redis(server.port)];
  const manager = new RedisStreamManager({ client, pubSubClient, heartbeatInterval: 1, ...options });
  cleanUpLater(async () => {
    await manager.close();
    client.disconnect();
    pubSubClient.disconnect();
  });
  await manager.start();
  return manager;
}

async function keysOf(session: string): Promise<string[]> {
  return redis.keys(`*{${session}}*`);
}

/** Bytes that Redis uses for what there is of the session. */
async function memoryOf(session: string): Promise<number> {
  const sizes = (await keysOf(session)).map((key) => redis.memory('USAGE', key, 'SAMPLES', 0));
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + Number(size), 0);
}

describe('What a session costs in Redis', () => {
  // Together with the session's own record, 1 KB and 2 KB are allowed.
  it('P4 is little while it idles, and grows with its events', async () => {
    const manager = await makeManager();
    await manager.open(mainOf(SESSION), new RecordingConnection());
    expect(await memoryOf(SESSION)).toBeLessThan(512);
    const message = JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { text: 'hello' },
    });
    for (let sent = 0; sent < 5; sent += 1) await manager.send([SESSION], frame(message));
    expect(await memoryOf(SESSION)).toBeLessThan(1_536);
  });

  it('P4 is bounded, however many request streams have ended', async () => {
    const manager = await makeManager();
    await manager.open(mainOf(SESSION), new RecordingConnection());
    for (let request = 0; request < 1_000; request += 1) {
      const stream = { sessionId: SESSION, key: `request-${request}` };
      await manager.open(stream, new RecordingConnection());
      await manager.append(stream, frame('answer'), { last: true });
    }
    expect((await keysOf(SESSION)).length).toBeLessThan(64);
    expect(await memoryOf(SESSION)).toBeLessThan(32 * 1_024);
    expect(manager.localSize).toBe(1);
    expect(await manager.has(SESSION)).toBe(true);
  });

  it('P4 is bounded by the retention', async () => {
    const manager = await makeManager({ replay: { maxEvents: 10 } });
    await manager.position(mainOf(SESSION));
    for (const data of numbers(100)) await manager.send([SESSION], frame(data));
    for (const data of numbers(100)) await manager.send(undefined, frame(data));
    expect(await redis.llen(`mcp:stream:session:{${SESSION}}:log:main`)).toBe(10);
    expect(await redis.llen('mcp:stream:{broadcasts}:log')).toBe(10);
  });

  it('P4 is bounded in bytes, whatever the number of events', async () => {
    const manager = await makeManager();
    await manager.position(mainOf(SESSION));
    const large = frame('x'.repeat(1_024 * 1_024));
    for (let sent = 0; sent < 6; sent += 1) await manager.send([SESSION], large);
    // At one time, so that they make up batches.
    await Promise.all(Array.from({ length: 6 }, () => manager.send(undefined, large)));
    for (const log of [`mcp:stream:session:{${SESSION}}:log:main`, 'mcp:stream:{broadcasts}:log']) {
      expect(await redis.llen(log)).toBe(3);
    }
  });

  it.each([
    ['in number', '1', 8_200, 8_192],
    ['in bytes', 'x'.repeat(1024 * 1024), 6, 3],
  ])('P4 is bounded in what instances signal of it: %s', async (_, value, sent, kept) => {
    const manager = await makeManager();
    for (let signalled = 0; signalled < sent; signalled += 1) await manager.signal(SESSION, value);
    // Two elements of the list for each.
    expect(await redis.llen('mcp:stream:{signals}')).toBe(2 * kept);
    const left = await redis.pttl('mcp:stream:{signals}');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(300_000);
  });

  it('P4 is bounded in time in what instances signal of it', async () => {
    const manager = await makeManager();
    for (let signalled = 0; signalled < 3; signalled += 1) await manager.signal(SESSION, signalled);
    const log = 'mcp:stream:{signals}';
    for (const element of [0, 2]) {
      const line = (await redis.lindex(log, element))!;
      const old = line.replace(/\d{13}/, (at) => String(Number(at) - 301_000));
      await redis.lset(log, element, old);
    }
    await manager.signal(SESSION, 'new');
    const signals = (await redis.lrange(log, 0, -1)).filter((_, index) => index % 2 === 1);
    expect(signals).toEqual([2, 'new'].map((value) => JSON.stringify([SESSION, value])));
  });

  it('P1 is nothing after its end', async () => {
    const manager = await makeManager();
    await manager.open(mainOf(SESSION), new RecordingConnection());
    await manager.open({ sessionId: SESSION, key: 'request' }, new RecordingConnection());
    await manager.send([SESSION], frame('1'));
    await manager.registerOutboundRequest(1, SESSION);
    expect((await keysOf(SESSION)).length).toBeGreaterThan(2);
    await manager.delete(SESSION);
    expect(await keysOf(SESSION)).toEqual([]);
  });

  it('P1 is nothing once it has expired', async () => {
    const manager = await makeManager({ heartbeatInterval: 0.05, ttl: 0.7, replay: { maxAgeMs: 300 } });
    const connection = new RecordingConnection();
    await manager.open(mainOf(SESSION), connection);
    await manager.send([SESSION, 'of nobody'], frame('1'));
    await manager.signal(SESSION, 'signal');
    // As long as somebody holds the stream, it lives.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await manager.has(SESSION)).toBe(true);
    await manager.release(mainOf(SESSION), connection);
    await eventually('the keys to be gone', async () => {
      return [...(await keysOf(SESSION)), ...(await keysOf('of%20nobody'))].length === 0;
    });
    await manager.close();
    // What remains says where the broadcasts stand; signals are kept for five minutes, and for one, what the last answers were.
    expect(await redis.pttl('mcp:stream:{signals}')).toBeLessThanOrEqual(300_000);
    expect(await redis.del('mcp:stream:{signals}')).toBe(1);
    const left = await redis.keys('*');
    for (const key of left.filter((name) => !name.endsWith('{broadcasts}:state'))) {
      expect(key).toMatch(/writer/);
      expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000);
    }
  });
});

describe('With replay turned off,', () => {
  it('events reach whoever is connected, wherever that is, and Redis keeps none', async () => {
    const manager = await makeManager({ replay: false });
    const other = await ManagerProcess.start({ url: server.url, replay: false, heartbeatInterval: 0.3 });
    cleanUpLater(() => other.kill());
    const [here, request] = [new RecordingConnection(), new RecordingConnection()];
    await manager.create('here', here);
    await manager.open({ sessionId: 'here', key: 'request' }, request);
    await other.open('there', mainOf('there'));
    for (const data of numbers(3)) {
      await other.send(['here', 'there', 'nowhere'], `own ${data}`);
      await manager.send(undefined, frame(`all ${data}`));
      await manager.send(['there'], frame(`from afar ${data}`));
    }
    await other.append({ sessionId: 'here', key: 'request' }, 'answer', { last: true });
    await eventually('the answer', () => request.closed);
    expect(request.data).toEqual(['answer']);
    const { data } = await other.receives('there', 9);
    expect(data.filter((text) => text.startsWith('own'))).toEqual(numbers(3, 'own '));
    expect(data.filter((text) => text.startsWith('all'))).toEqual(numbers(3, 'all '));
    expect(data.filter((text) => text.startsWith('from'))).toEqual(numbers(3, 'from afar '));
    await eventually('the events', () => here.data.length === 6);
    expect(here.text).not.toContain('id:');
    expect(await redis.keys('*:log*')).toEqual([]);
    expect(await manager.has('there')).toBe(true);
    await manager.delete('there');
    await eventually('the end', async () => (await other.read('there')).closed);
    expect(await redis.keys('*there*')).toEqual([]);
  });

  it('a broadcast that was missed costs none of those that come then', async () => {
    const manager = await makeManager({ replay: false });
    const connection = new RecordingConnection();
    await manager.create('session', connection);
    await redis.set('mcp:stream:{broadcasts}:state', 'abc 100 0 0');
    for (const data of numbers(3)) await manager.send(undefined, frame(data));
    await eventually('the broadcasts', () => connection.data.length === 3);
    expect(connection.content.comments).toEqual([]);
  });
});
