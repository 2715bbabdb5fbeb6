import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseSse } from '../testing/sse-parser.js';
import type { SseConnection } from './sse-connection.js';
import { SseConnections } from './sse-connections.js';

const KEEP_ALIVE_MS = 1_000;
const KEEP_ALIVE = ': keep-alive\n\n';

describe('SseConnections', () => {
  let connections: SseConnections;
  const ended: SseConnection[] = [];

  const open = (sessionId = 'session', writableLength = 0, principal?: string) => {
    const response = { socket: null, writableLength };
    const connection = connections.add({ sessionId, key: 'main' }, principal, response, (over) =>
      ended.push(over),
    );
    const client = { connection, written: [] as string[], outcome: 'open', hangUp: () => undefined as void };
    const subscription = connection.subscribe({
      next: (chunk) => client.written.push(Buffer.from(chunk, 'latin1').toString()),
      complete: () => (client.outcome = 'completed'),
      error: () => (client.outcome = 'cut off'),
    });
    client.hangUp = () => subscription.unsubscribe();
    return client;
  };
  const text = ({ written }: { written: string[] }): string => written.join('');

  beforeEach(() => {
    jest.useFakeTimers();
    ended.length = 0;
    connections = new SseConnections({ keepAliveMs: KEEP_ALIVE_MS, maxBufferedBytes: 1_000 });
  });

  afterEach(() => {
    connections.endAll(0, 0);
    jest.advanceTimersToNextTimer();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('writes what is due to each connection at the end of the tick, in one task for all', () => {
    const clients = [open(), open(), open()];
    for (const { connection } of clients) {
      connection.enqueue(Buffer.from('a'));
      connection.enqueue(Buffer.from('b'));
    }
    expect(clients.map(text)).toEqual(['', '', '']);
    expect(jest.getTimerCount()).toBe(2); // The task, and the keep-alive timer.
    jest.advanceTimersByTime(0);
    expect(clients.map(({ written }) => written)).toEqual([['ab'], ['ab'], ['ab']]);
  });

  it('sends the head although there is nothing to write yet', () => {
    const client = open();
    jest.advanceTimersByTime(0);
    expect(client.written).toEqual(['']);
  });

  it('keeps connections alive that idle, never later than the interval, with one timer for all', () => {
    const idle = open();
    const busy = open();
    jest.advanceTimersByTime(0);
    expect(jest.getTimerCount()).toBe(1);
    for (let elapsed = 0; elapsed < 4 * KEEP_ALIVE_MS; elapsed += 100) {
      busy.connection.enqueue(Buffer.from('x'));
      jest.advanceTimersByTime(100);
    }
    jest.advanceTimersByTime(1);
    expect(text(idle)).toBe(KEEP_ALIVE.repeat(4));
    expect(text(busy)).toBe('x'.repeat(40));
    busy.connection.enqueue(Buffer.from('.'));
    jest.advanceTimersByTime(KEEP_ALIVE_MS + 1);
    expect(text(busy).endsWith(`.${KEEP_ALIVE}`)).toBe(true);
  });

  it('P4 does not write to a connection that is slow', () => {
    const slow = open('session', 1_000);
    jest.advanceTimersByTime(5 * KEEP_ALIVE_MS);
    expect(text(slow)).toBe('');
    expect(slow.outcome).toBe('open');
  });

  it('counts connections, also by session', () => {
    const [a, b, other] = [open('a'), open('a'), open('__proto__')];
    expect([
      connections.size,
      connections.sizeOfSession('a'),
      connections.sizeOfSession('__proto__'),
    ]).toEqual([3, 2, 1]);
    expect([...connections.sessionIds()]).toEqual(['a', '__proto__']);
    a!.hangUp();
    a!.connection.close();
    b!.connection.close();
    expect([connections.size, connections.sizeOfSession('a'), connections.sizeOfSession('none')]).toEqual([
      1, 0, 0,
    ]);
    expect([...connections.sessionIds()]).toEqual(['__proto__']);
    other!.hangUp();
    expect([connections.size, ended.length]).toEqual([0, 3]);
    expect([...connections.sessionIds()]).toEqual([]);
  });

  it('counts connections by principal', () => {
    const [one, two] = [open('a', undefined, 'alice'), open('b', undefined, 'alice')];
    open('c', undefined, 'bob');
    open('d');
    expect([connections.sizeOfPrincipal('alice'), connections.sizeOfPrincipal('bob')]).toEqual([2, 1]);
    expect(connections.sizeOfPrincipal('nobody')).toBe(0);
    one!.hangUp();
    two!.connection.close();
    expect([connections.sizeOfPrincipal('alice'), connections.sizeOfPrincipal('bob')]).toEqual([0, 1]);
  });

  it('stops its timer with the last connection, and starts it again', () => {
    open().hangUp();
    jest.advanceTimersByTime(0);
    expect(jest.getTimerCount()).toBe(0);
    const client = open();
    jest.advanceTimersByTime(KEEP_ALIVE_MS + 1);
    expect(text(client)).toBe(KEEP_ALIVE);
  });

  it('ends all, and tells each a different time to come back', () => {
    const clients = [open(), open(), open()];
    const random = [0, 0.5, 0.999];
    clients[1]!.connection.enqueue(Buffer.from('data: pending\n\n'));
    connections.endAll(1_000, 2_000, () => random.shift()!);
    expect(clients.map((client) => parseSse(text(client)).retry)).toEqual([1_000, 2_000, 2_998]);
    expect(parseSse(text(clients[1]!)).events).toHaveLength(1);
    expect(clients.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed']);
    expect(connections.size).toBe(0);
  });

  it('ends all although one is slow, and one ends with another', () => {
    const slow = open('session', 1_000);
    const last = open();
    const tied = connections.add(
      { sessionId: 'tied', key: 'main' },
      undefined,
      { socket: null, writableLength: 0 },
      () => last.connection.close(),
    );
    const after = open();
    jest.advanceTimersByTime(0);
    tied.close();
    connections.endAll(1, 0);
    expect([slow.outcome, last.outcome, after.outcome]).toEqual(['cut off', 'completed', 'completed']);
    expect(text(slow)).toBe('');
    expect(connections.size).toBe(0);
  });

  it('goes on when a connection ends another while all are ended', () => {
    connections.add(
      { sessionId: 'session', key: 'main' },
      undefined,
      { socket: null, writableLength: 0 },
      () => second.connection.close(),
    );
    const second = open();
    const third = open();
    connections.endAll(1, 0);
    expect([second.outcome, third.outcome]).toEqual(['completed', 'completed']);
  });
});
