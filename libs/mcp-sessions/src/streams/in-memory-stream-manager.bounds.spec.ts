import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RecordingConnection } from '../testing/recording-connection.js';
import { appendAll, connect, frame, MAIN, REQUEST } from '../testing/stream-manager-steps.js';
import { InMemoryStreamManager } from './in-memory-stream-manager.js';
import type { StreamRef } from './stream-manager.interface.js';

/** What the manager holds in memory. */
function held(manager: InMemoryStreamManager): {
  sessions: number;
  records: string[];
  finishedChars: number;
} {
  const { records } = manager as unknown as {
    records: {
      sessions: Map<string, { main?: unknown; requests?: Map<string, unknown> }>;
      finishedChars: number;
    };
  };
  const keys = [...records.sessions.values()].flatMap(({ main, requests }) => [
    ...(main ? ['main'] : []),
    ...(requests?.keys() ?? []),
  ]);
  return { sessions: records.sessions.size, records: keys, finishedChars: records.finishedChars };
}

function request(key: string | number): StreamRef {
  return { ...REQUEST, key: `request ${key}` };
}

describe('P4 InMemoryStreamManager keeps in bounds what it holds:', () => {
  let manager = new InMemoryStreamManager();

  beforeEach(() => {
    jest.useFakeTimers();
    manager = new InMemoryStreamManager();
  });

  afterEach(async () => {
    await manager.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('nothing is left of a deleted session', async () => {
    await connect(manager, MAIN);
    for (let index = 0; index < 10; index += 1) {
      await manager.append(request(index), frame('answer'), { last: index % 2 === 0 });
    }
    const { records } = manager as unknown as { records: { find(stream: StreamRef): { log?: unknown } } };
    const record = records.find(request(0));
    expect(record.log).toBeDefined();
    await manager.delete('session');
    expect(held(manager)).toEqual({ sessions: 0, records: [], finishedChars: 0 });
    expect(manager.size).toBe(0);
    expect(record.log).toBeUndefined();
  });

  it('32 finished request streams per session, those that ended last', async () => {
    const longRunning = request('long-running');
    const priming = await manager.position(longRunning);
    for (let index = 0; index < 40; index += 1) {
      await manager.position(request(index));
      await manager.append(request(index), frame('answer'), { last: true });
      await manager.append(request(index), frame('answer again'), { last: true });
    }
    expect(held(manager).records).toHaveLength(33);
    await manager.append(longRunning, frame('late answer'), { last: true });
    expect(held(manager).records).toHaveLength(32);
    expect((await connect(manager, longRunning, priming)).data).toEqual(['late answer']);
    expect(held(manager).records).toContain('request 39');
    expect(held(manager).records).not.toContain('request 8');
    for (const key of held(manager).records) {
      expect((await connect(manager, { ...REQUEST, key })).closed).toBe(true);
    }
  });

  it('256 request streams per session, without touching those that are connected', async () => {
    const connected = await connect(manager, request('connected'));
    const first = await manager.position(request(0));
    for (let index = 1; index < 300; index += 1) await manager.position(request(index));
    expect(held(manager).records).toHaveLength(256);
    await appendAll(manager, request('connected'), ['still here']);
    expect(connected.data).toEqual(['still here']);
    await expect(connect(manager, request(0), first)).rejects.toMatchObject({ code: 'STREAM_LOST' });
  });

  it('a finished request whose client never comes back goes with its last event', async () => {
    await manager.position(REQUEST);
    await appendAll(manager, REQUEST, ['progress']);
    await manager.append(REQUEST, frame('answer'), { last: true });
    jest.advanceTimersByTime(599_999);
    expect(held(manager).records).toEqual(['request']);
    jest.advanceTimersByTime(1);
    expect(held(manager)).toEqual({ sessions: 0, records: [], finishedChars: 0 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('a stream that nobody ever opened goes with its last event', async () => {
    await manager.send(['never opened'], frame('1'));
    await appendAll(manager, REQUEST, ['of a session that was deleted meanwhile']);
    expect(held(manager).records).toHaveLength(2);
    jest.advanceTimersByTime(600_000);
    expect(held(manager).records).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('a session whose client is away keeps its place when its events are too old', async () => {
    const priming = await manager.position(MAIN);
    await appendAll(manager, MAIN, ['old']);
    jest.advanceTimersByTime(600_000);
    expect(jest.getTimerCount()).toBe(0);
    await appendAll(manager, MAIN, ['new']);
    const resumed = await connect(manager, MAIN, priming);
    expect(resumed.content.comments).toEqual(['events-lost']);
    expect(resumed.data).toEqual(['new']);
  });

  it('events go one by one when their time is over, also under a client that resumes just then', async () => {
    manager = new InMemoryStreamManager({ replay: { maxAgeMs: 1_000 } });
    const priming = await manager.position(REQUEST);
    await appendAll(manager, REQUEST, ['1']);
    jest.advanceTimersByTime(600);
    await manager.append(REQUEST, frame('2'), { last: true });
    jest.advanceTimersByTime(399);
    expect((await connect(manager, REQUEST, priming)).data).toEqual(['1', '2']);
    jest.advanceTimersByTime(1);
    const late = await connect(manager, REQUEST, priming);
    expect(late.data).toEqual(['2']);
    expect(late.content.comments).toEqual(['events-lost']);
    // The time is over, and the timer is late.
    jest.setSystemTime(Date.now() + 600);
    await expect(connect(manager, REQUEST, priming)).rejects.toMatchObject({ code: 'STREAM_LOST' });
    expect(held(manager).records).toEqual([]);
  });

  it('four million characters per stream, and the newest event whatever its size', async () => {
    const priming = await manager.position(MAIN);
    const large = 'x'.repeat(1_000_000);
    await appendAll(manager, MAIN, Array<string>(10).fill(large));
    expect((await connect(manager, MAIN, priming)).data).toHaveLength(4);
    await appendAll(manager, MAIN, ['y'.repeat(5_000_000)]);
    const [huge, ...rest] = (await connect(manager, MAIN, priming)).data;
    expect(huge).toHaveLength(5_000_000);
    expect(rest).toEqual([]);
  });

  it('128 million characters of finished requests, the oldest go first', async () => {
    const large = 'x'.repeat(4_000_000);
    for (let index = 0; index < 40; index += 1) {
      await manager.append({ sessionId: `session ${index}`, key: 'request' }, frame(large), { last: true });
    }
    expect(held(manager).finishedChars).toBeLessThanOrEqual(128 * 1024 * 1024);
    expect(held(manager).sessions).toBe(33);
    for (let index = 7; index < 40; index += 1) await manager.delete(`session ${index}`);
    expect(held(manager)).toEqual({ sessions: 0, records: [], finishedChars: 0 });
  });

  it('P2 a session deleted amid an append leaves its successor alone', async () => {
    const connection = await connect(manager, REQUEST);
    const successor = new RecordingConnection();
    const caused: Promise<unknown>[] = [];
    connection.enqueue = () => {
      caused.push(manager.delete('session'), manager.open(REQUEST, successor));
    };
    await manager.append(REQUEST, frame('1') + frame('2'), { last: true });
    await Promise.all(caused);
    jest.advanceTimersByTime(700_000);
    await appendAll(manager, REQUEST, ['for the successor']);
    expect(successor.data).toEqual(['for the successor']);
    expect(held(manager)).toEqual({ sessions: 1, records: ['request'], finishedChars: 0 });
  });

  it('without replay, nothing of a stream without a connection', async () => {
    manager = new InMemoryStreamManager({ replay: false });
    await manager.send(['unknown'], frame('1'));
    await manager.position(MAIN);
    await appendAll(manager, REQUEST, ['1']);
    expect(held(manager).records).toEqual([]);
    const broken = await connect(manager, MAIN);
    broken.breaksAfter = 0;
    const slow = await connect(manager, REQUEST);
    slow.desiredSize = 0;
    const released = await connect(manager, request(1));
    const running = await connect(manager, request(2));
    await manager.send(undefined, frame('1'));
    await appendAll(manager, REQUEST, ['1']);
    await manager.release(request(1), released);
    await manager.append(request(1), frame('answer'), { last: true });
    expect(held(manager).records).toEqual(['request 2']);
    await manager.append(request(2), frame('answer'), { last: true });
    expect(running.data).toEqual(['answer']);
    expect(held(manager)).toEqual({ sessions: 0, records: [], finishedChars: 0 });
    expect(manager.size).toBe(0);
  });
});
