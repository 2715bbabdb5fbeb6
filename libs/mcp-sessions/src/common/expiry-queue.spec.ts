import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ExpiryQueue } from './expiry-queue.js';

describe('ExpiryQueue', () => {
  let deadlines: Map<string, number>;
  let expired: string[];
  let queue: ExpiryQueue;

  const watch = (key: string, inMs: number) => {
    deadlines.set(key, Date.now() + inMs);
    queue.watch(key);
  };

  const heapSize = () => (queue as unknown as { heap: unknown[] }).heap.length;

  beforeEach(() => {
    jest.useFakeTimers();
    deadlines = new Map();
    expired = [];
    queue = new ExpiryQueue(
      (key) => deadlines.get(key),
      (key) => expired.push(key),
    );
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('expires keys in the order of their deadlines, each when it comes', () => {
    watch('c', 300);
    watch('a', 100);
    watch('b', 200);
    jest.advanceTimersByTime(99);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(expired).toEqual(['a']);
    jest.advanceTimersByTime(200);
    expect(expired).toEqual(['a', 'b', 'c']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps the order with many keys that come, go and move', () => {
    let seed = 42;
    const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
    const dueAt = new Map<string, number>();
    queue = new ExpiryQueue(
      (key) => deadlines.get(key),
      (key) => {
        expect(deadlines.get(key)).toBe(Date.now());
        expired.push(key);
        deadlines.delete(key);
      },
    );
    for (let round = 0; round < 3_000; round += 1) {
      const key = `${random(500)}`;
      if (random(5) === 0) {
        deadlines.delete(key);
        queue.forget(key);
      } else {
        watch(key, 1 + random(10_000));
      }
      if (round % 100 === 0) jest.advanceTimersByTime(random(50));
    }
    for (const [key, at] of deadlines) dueAt.set(key, at);
    expired = [];
    jest.advanceTimersByTime(20_000);
    expect(expired).toHaveLength(dueAt.size);
    expect(expired.map((key) => dueAt.get(key))).toEqual([...dueAt.values()].sort((a, b) => a - b));
  });

  it('asks for the deadline anew when the old one is reached', () => {
    watch('key', 100);
    deadlines.set('key', Date.now() + 250);
    jest.advanceTimersByTime(249);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(expired).toEqual(['key']);
  });

  it('expires a key once although its deadline was moved to and fro', () => {
    watch('key', 1_000);
    watch('key', 100);
    watch('key', 500);
    watch('key', 50);
    jest.advanceTimersByTime(2_000);
    expect(expired).toEqual(['key']);
  });

  it('leaves keys alone that are forgotten or have no deadline any more', () => {
    watch('forgotten', 100);
    watch('unlimited', 100);
    queue.forget('forgotten');
    deadlines.delete('unlimited');
    queue.watch('unlimited');
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits longer than a timer of Node can', () => {
    const timers = jest.spyOn(globalThis, 'setTimeout');
    watch('key', 2 ** 31 + 5_000);
    expect(timers.mock.calls).toEqual([[expect.any(Function), 2 ** 31 - 1]]);
    timers.mockRestore();
    jest.advanceTimersByTime(2 ** 31);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(5_000);
    expect(expired).toEqual(['key']);
  });

  it('expires what is due when asked to, before the timer', () => {
    watch('due', 100);
    watch('later', 200);
    jest.setSystemTime(Date.now() + 150);
    queue.run();
    expect(expired).toEqual(['due']);
  });

  it('goes on after a callback that throws', () => {
    queue = new ExpiryQueue(
      (key) => deadlines.get(key),
      (key) => {
        if (key === 'bad') throw new Error('bad');
        expired.push(key);
      },
    );
    watch('bad', 100);
    watch('good', 100);
    expect(() => jest.advanceTimersByTime(100)).toThrow('bad');
    jest.advanceTimersByTime(1);
    expect(expired).toEqual(['good']);
  });

  it('lets a callback watch and forget keys', () => {
    queue = new ExpiryQueue(
      (key) => deadlines.get(key),
      (key) => {
        expired.push(key);
        queue.forget('b');
        if (expired.length < 3) watch('a', 100);
      },
    );
    watch('a', 100);
    watch('b', 100);
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual(['a', 'a', 'a']);
  });

  it('gives other work a turn when thousands are due at once', () => {
    for (let index = 0; index < 2_500; index += 1) watch(`${index}`, 100);
    jest.advanceTimersToNextTimer();
    expect(expired).toHaveLength(1_000);
    jest.advanceTimersByTime(10);
    expect(expired).toHaveLength(2_500);
  });

  it('holds no more than a multiple of what it watches, when keys are forgotten', () => {
    for (let index = 0; index < 1_000; index += 1) watch(`${index}`, 1_000 + index);
    for (let index = 0; index < 990; index += 1) queue.forget(`${index}`);
    expect(heapSize()).toBeLessThan(100);
    jest.advanceTimersByTime(5_000);
    expect(expired).toEqual(Array.from({ length: 10 }, (_, index) => `${990 + index}`));
  });

  it('holds no more than a multiple of what it watches, when deadlines move closer', () => {
    watch('other', 5_000_000);
    for (let round = 0; round < 1_000; round += 1) watch('moved', 4_000_000 - round);
    expect(heapSize()).toBeLessThan(100);
    jest.advanceTimersByTime(5_000_000);
    expect(expired).toEqual(['moved', 'other']);
  });

  it('stops its timer when paused, and starts it again when used', () => {
    watch('a', 100);
    queue.pause();
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
    queue.run();
    expect(expired).toEqual(['a']);
  });

  it('forgets everything when cleared', () => {
    watch('a', 100);
    queue.clear();
    expect(jest.getTimerCount()).toBe(0);
    watch('b', 100);
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual(['b']);
  });
});
