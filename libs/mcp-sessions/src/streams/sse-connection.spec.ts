import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { map, type Unsubscribable } from 'rxjs';
import { SlowReaderError, SseConnection } from './sse-connection.js';

const MAX_BUFFERED = 256 * 1024;

describe('SseConnection', () => {
  const host = {
    maxBufferedBytes: MAX_BUFFERED,
    scheduleFlush: jest.fn<(connection: SseConnection) => void>(),
    ended: jest.fn(),
  };
  const onEnd = jest.fn();
  const stream = { sessionId: 'session', key: 'main' };
  let buffered = 0;
  const response = {
    socket: null,
    get writableLength() {
      return buffered;
    },
  };
  let connection: SseConnection;
  let written: string[];
  let outcome: unknown;

  const subscribe = (onWrite: (text: string) => void = () => undefined): Unsubscribable =>
    connection.subscribe({
      next: (chunk) => {
        written.push(Buffer.from(chunk, 'latin1').toString());
        onWrite(Buffer.from(chunk, 'latin1').toString());
      },
      complete: () => (outcome = 'completed'),
      error: (error) => (outcome = error),
    });
  const enqueue = (text: string): void => connection.enqueue(Buffer.from(text));

  beforeEach(() => {
    jest.clearAllMocks();
    buffered = 0;
    written = [];
    outcome = undefined;
    connection = new SseConnection(stream, undefined, host, response, onEnd);
  });

  it('joins what is enqueued in one tick into one write', () => {
    subscribe();
    connection.flush();
    expect(written).toEqual(['']);
    for (const text of ['a', 'b', 'c']) enqueue(text);
    expect(host.scheduleFlush).toHaveBeenCalledTimes(2);
    connection.flush();
    expect(written).toEqual(['', 'abc']);
  });

  it('keeps what comes before the response is there', () => {
    enqueue('early');
    connection.flush();
    subscribe();
    expect(host.scheduleFlush).toHaveBeenLastCalledWith(connection);
    connection.flush();
    expect(written).toEqual(['early']);
  });

  it('writes out at once when much is pending', () => {
    subscribe();
    enqueue('x'.repeat(4 * 1024 - 1));
    expect(written).toEqual([]);
    enqueue('y');
    expect(written.map((chunk) => chunk.length)).toEqual([4 * 1024]);
    expect(connection.desiredSize).toBe(MAX_BUFFERED);
  });

  it('counts what is pending here and in the response', () => {
    buffered = 10;
    enqueue('12345');
    expect(connection.desiredSize).toBe(MAX_BUFFERED - 15);
  });

  it('P2 writes what is pending before it ends', () => {
    subscribe();
    enqueue('last words');
    connection.close();
    expect(written).toEqual(['last words']);
    expect(outcome).toBe('completed');
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(host.ended).toHaveBeenCalledTimes(1);
    connection.close();
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(() => enqueue('too late')).toThrow('ended');
  });

  it('P2 hands a response that comes after the end what was pending, and ends it', () => {
    enqueue('a');
    enqueue('b');
    connection.close();
    expect(onEnd).toHaveBeenCalledTimes(1);
    subscribe();
    expect(written.join('')).toBe('ab');
    expect(outcome).toBe('completed');
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('P2 a large last event is written, and does not count as slow reading', () => {
    subscribe((text) => (buffered += text.length));
    connection.flush();
    enqueue('x'.repeat(10 * MAX_BUFFERED));
    expect(connection.desiredSize).toBeLessThan(0);
    connection.close();
    expect(outcome).toBe('completed');
    expect(written.join('')).toHaveLength(10 * MAX_BUFFERED);
  });

  it('is an observable like any other: operators work, and unsubscribing hangs up', () => {
    const seen: number[] = [];
    const subscription = connection.pipe(map((text) => text.length)).subscribe((length) => seen.push(length));
    enqueue('four');
    connection.flush();
    expect(seen).toEqual([4]);
    expect(onEnd).not.toHaveBeenCalled();
    subscription.unsubscribe();
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(() => enqueue('more')).toThrow('The connection has ended');
  });

  it('P4 a subscriber that throws disturbs nobody, and is not hushed up', () => {
    jest.useFakeTimers();
    try {
      const throws = (what: string) => () => {
        throw new Error(what);
      };
      connection.subscribe({ next: throws('from next'), complete: throws('from complete') });
      connection.flush();
      expect(() => jest.runAllTimers()).toThrow('from next');
      connection.close();
      expect(onEnd).toHaveBeenCalledTimes(1);
      expect(() => jest.advanceTimersToNextTimer()).toThrow('from next');
      expect(() => jest.advanceTimersToNextTimer()).toThrow('from complete');
    } finally {
      jest.useRealTimers();
    }
  });

  it('P4 a client that has not read by the next tick is cut off', () => {
    subscribe((text) => (buffered += text.length));
    enqueue('x'.repeat(MAX_BUFFERED));
    connection.flush();
    expect(connection.desiredSize).toBeLessThanOrEqual(0);
    connection.close();
    expect(outcome).toBeInstanceOf(SlowReaderError);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('a client that hangs up ends it', () => {
    const subscription = subscribe();
    enqueue('pending');
    subscription.unsubscribe();
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(host.ended).toHaveBeenCalledTimes(1);
    expect(() => enqueue('too late')).toThrow('ended');
    connection.close();
    connection.flush();
    expect(written).toEqual([]);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('a client that hangs up on the last write ends it once', () => {
    const subscription = subscribe(() => subscription.unsubscribe());
    enqueue('last words');
    connection.close();
    expect(onEnd).toHaveBeenCalledTimes(1);
    expect(host.ended).toHaveBeenCalledTimes(1);
  });
});
