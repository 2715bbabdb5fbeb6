import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStreamManager } from '../../libs/mcp-sessions/src/streams/redis-stream-manager.js';
import { RecordingConnection } from '../../libs/mcp-sessions/src/testing/recording-connection.js';
import { frame } from '../../libs/mcp-sessions/src/testing/stream-manager-steps.js';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually, within } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { EVENTS_LOST, mainOf, numbers } from './process-pair.js';

let server: RedisServer;
let sessions = 0;
let sessionId: string;

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => {
  sessionId = `session-${(sessions += 1)}`;
});
afterAll(() => server.dispose());

async function makeManager(options: object = {}, pubSubPort = server.port): Promise<RedisStreamManager> {
  const clients = [server.port, pubSubPort].map((port) => new Redis(port, { retryStrategy: () => 100 }));
  const [client, pubSubClient] = clients as [Redis, Redis];
  cleanUpLater(() => clients.forEach((each) => each.disconnect()));
  const manager = new RedisStreamManager({ client, pubSubClient, heartbeatInterval: 1, ...options });
  cleanUpLater(() => manager.close());
  await manager.start();
  return manager;
}

/** Redis answers nobody for a moment: all that is asked meanwhile is under way at once. */
async function hold(): Promise<void> {
  await server.command('client', 'pause', 150, 'all');
}

describe('While a stream is being opened,', () => {
  it('P1 a session that is deleted meanwhile ends, and stays ended', async () => {
    const manager = await makeManager({ heartbeatInterval: 0.1 });
    const connection = new RecordingConnection();
    await hold();
    const opened = manager.open(mainOf(sessionId), connection);
    await Promise.all([opened, manager.delete(sessionId)]);
    expect(connection.closed).toBe(true);
    expect(manager.localSize).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(await manager.has(sessionId)).toBe(false);
  });

  it('P1 a session that another instance deletes meanwhile ends, and stays ended', async () => {
    const [manager, other] = [await makeManager({ heartbeatInterval: 0.1 }), await makeManager()];
    const connection = new RecordingConnection();
    await hold();
    const opened = manager.open(mainOf(sessionId), connection);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([opened, other.delete(sessionId)]);
    await eventually('the end', () => connection.closed);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(await other.has(sessionId)).toBe(false);
  });

  it('P5 a manager that closes meanwhile holds nothing afterwards', async () => {
    const [manager, other] = [await makeManager(), await makeManager()];
    const connection = new RecordingConnection();
    await hold();
    const opened = manager.open(mainOf(sessionId), connection);
    await Promise.all([opened, manager.close()]);
    expect(connection.closed).toBe(true);
    expect(manager.localSize).toBe(0);
    expect(await other.has(sessionId)).toBe(false);
  });

  it('P2 an event without a log is handed to one connection only', async () => {
    const manager = await makeManager({ replay: false });
    const connections = [new RecordingConnection(), new RecordingConnection()];
    await hold();
    const opened = connections.map((connection) => manager.open(mainOf(sessionId), connection));
    await Promise.all([...opened, manager.send([sessionId], frame('1'))]);
    expect(connections.flatMap(({ data }) => data)).toEqual(['1']);
  });
});

describe('When many streams are opened at once,', () => {
  /** Asks for all of them in one turn of the event loop. @returns the connections, as soon as all are there */
  async function openAll(manager: RedisStreamManager, sessionIds: string[]): Promise<RecordingConnection[]> {
    const connections = sessionIds.map(() => new RecordingConnection());
    await Promise.all(connections.map((connection, i) => manager.open(mainOf(sessionIds[i]!), connection)));
    return connections;
  }

  it('P2 each gets its own events, however many there are', async () => {
    const manager = await makeManager();
    const large = 'x'.repeat(16_000);
    const sessionIds = numbers(100, `${sessionId}-`);
    for (const id of sessionIds) await manager.send([id], frame(`1 ${id} ${large}`) + frame(`2 ${id}`));
    // Half as many are new.
    const all = [...sessionIds, ...numbers(50, `${sessionId}-new-`)];
    const connections = await openAll(manager, all);
    for (const [i, { data }] of connections.entries()) {
      expect(data).toEqual(i < 100 ? [`1 ${all[i]} ${large}`, `2 ${all[i]}`] : []);
    }
    await Promise.all(all.map((id) => manager.send([id], frame(`3 ${id}`))));
    for (const [i, { data }] of connections.entries()) expect(data.at(-1)).toBe(`3 ${all[i]}`);
    expect(manager.eventsLost).toBe(0);
  });

  it('P1 those of a session that is deleted meanwhile end, and stay ended', async () => {
    const manager = await makeManager();
    const sessionIds = numbers(20, `${sessionId}-`);
    const opened = openAll(manager, sessionIds);
    await manager.delete(sessionIds.at(-1)!);
    const connections = await opened;
    expect(connections.map(({ closed }) => closed)).toEqual(sessionIds.map((_, i) => i === 19));
    expect(await manager.has(sessionIds.at(-1)!)).toBe(false);
    expect(manager.localSize).toBe(19);
  });

  it('P2 the newest connection to one of them has it', async () => {
    const manager = await makeManager();
    const connections = await openAll(manager, [sessionId, `${sessionId}-other`, sessionId, sessionId]);
    expect(connections.map(({ closed }) => closed)).toEqual([true, false, true, false]);
    await manager.send([sessionId], frame('1'));
    expect(connections.map(({ data }) => data)).toEqual([[], [], [], ['1']]);
  });

  it('P5 a manager that closes tells Redis of all', async () => {
    const [manager, other] = [await makeManager(), await makeManager()];
    const sessionIds = numbers(1_000, `${sessionId}-`);
    const connections = await openAll(manager, sessionIds);
    await manager.close();
    expect(connections.every(({ closed }) => closed)).toBe(true);
    const held = await Promise.all(sessionIds.map((id) => other.has(id)));
    expect(held).not.toContain(true);
  });
});

describe('Under a load that never ends,', () => {
  it('P6 a session can be deleted', async () => {
    const manager = await makeManager();
    let isOver = false;
    const load = async (name: string): Promise<void> => {
      while (!isOver) await manager.send([name], frame('load'));
    };
    const loads = numbers(16, 'load-').map(load);
    const connection = new RecordingConnection();
    await manager.open(mainOf(sessionId), connection);
    await manager.send([sessionId], frame('1'));
    await within('the deletion', manager.delete(sessionId), 2_000);
    isOver = true;
    await Promise.all(loads);
    expect(await manager.has(sessionId)).toBe(false);
  });
});

describe('When a log is long,', () => {
  it('P2 all of it is replayed, and the stream ends', async () => {
    const manager = await makeManager({ replay: { maxEvents: 5_000 } });
    const stream = { sessionId, key: 'request' };
    const events = numbers(2_500);
    await manager.append(stream, events.map(frame).join(''), { last: true });
    const connection = new RecordingConnection();
    await manager.open(stream, connection);
    expect(connection.data).toEqual(events);
    expect(connection.closed).toBe(true);
  });
});

describe('When the connection for messages is away for long,', () => {
  it('P2 broadcasts beyond those that are kept are signalled as lost', async () => {
    const proxy = await CuttingProxy.before(server.port);
    const options = { replay: { maxEvents: 4 }, heartbeatInterval: 60 };
    const holder = await makeManager(options, Number(new URL(proxy.origin).port));
    const sender = await makeManager(options);
    const connection = new RecordingConnection();
    await holder.open(mainOf(sessionId), connection);
    await sender.send(undefined, frame('0'));
    await eventually('the first one', () => connection.data.length === 1);
    proxy.cut();
    for (const data of numbers(10)) await sender.send(undefined, frame(data));
    await eventually('the last one', () => connection.data.includes('10'));
    expect(connection.data).toEqual(['0', '7', '8', '9', '10']);
    expect(connection.content.comments).toEqual([EVENTS_LOST]);
    expect(holder.eventsLost).toBe(1);
    const next = new RecordingConnection();
    await sender.open(mainOf(sessionId), next, { after: connection.content.lastEventId });
    await sender.send(undefined, frame('11'));
    await eventually('the next one', () => next.data.length > 0);
    expect(next.data).toEqual(['11']);
    expect(next.content.comments).toEqual([]);
  });
});

describe('When an instance cannot be told of events for a moment,', () => {
  it('P6 its streams are still there, and get them', async () => {
    const proxy = await CuttingProxy.before(server.port);
    const holder = await makeManager({ heartbeatInterval: 60 }, Number(new URL(proxy.origin).port));
    const other = await makeManager();
    const connection = new RecordingConnection();
    await holder.open(mainOf(sessionId), connection);
    proxy.cut();
    await other.send([sessionId], frame('1'));
    expect(await other.has(sessionId)).toBe(true);
    await eventually('the event', () => connection.data.length > 0);
    expect(await other.has(sessionId)).toBe(true);
    expect(connection.data).toEqual(['1']);
    expect(connection.closed).toBe(false);
    await holder.close();
    expect(await other.has(sessionId)).toBe(false);
  });
});

describe('Values that cannot be', () => {
  it.each([
    ['heartbeatInterval', 0],
    ['heartbeatInterval', Infinity],
    ['heartbeatInterval', 3e6],
    ['ttl', -1],
    ['ttl', Infinity],
    ['ttl', NaN],
  ])('are refused: %s %d', async (name, value) => {
    await expect(makeManager({ [name]: value })).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
  });

  it('fractions of milliseconds are rounded', async () => {
    const manager = await makeManager({
      ttl: 1.00005,
      heartbeatInterval: 0.10005,
      replay: { maxAgeMs: 999.5 },
    });
    await manager.open(mainOf(sessionId), new RecordingConnection());
    await manager.send([sessionId], frame('1'));
    await manager.send(undefined, frame('2'));
    expect(await manager.has(sessionId)).toBe(true);
  });
});
