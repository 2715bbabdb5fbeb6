import { describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandDeadlines, type Attempt } from './command-deadlines.js';
import { RedisCommandTimeoutError } from './redis.errors.js';

const explain = (error: unknown) => error as Error;
const never = () => new Promise<never>(() => undefined);

describe('CommandDeadlines', () => {
  it('passes answers and errors on as they came', async () => {
    const deadlines = new CommandDeadlines(1_000);
    const error = new Error('no');
    expect(await deadlines.enforce(async () => 1, explain)).toBe(1);
    await expect(deadlines.enforce(() => Promise.reject(error), explain)).rejects.toBe(error);
    const throwing = () => {
      throw error;
    };
    await expect(deadlines.enforce(throwing, explain)).rejects.toBe(error);
  });

  it('ends each wait after its own time, also when others were answered in between', async () => {
    const deadlines = new CommandDeadlines(60);
    const ends: string[] = [];
    const wait = async (name: string) => {
      await expect(deadlines.enforce(never, explain)).rejects.toBeInstanceOf(RedisCommandTimeoutError);
      ends.push(name);
    };
    const first = wait('first');
    await delay(30);
    const second = wait('second');
    expect(await deadlines.enforce(() => delay(1, 'answered'), explain)).toBe('answered');
    await first;
    expect(ends).toEqual(['first']);
    await second;
    expect(ends).toEqual(['first', 'second']);
    await wait('third');
  });

  it('tells whoever carries the command that it is given up', async () => {
    const deadlines = new CommandDeadlines(20);
    const seen: Attempt[] = [];
    const given = deadlines.enforce((attempt) => {
      seen.push(attempt);
      return new Promise((_, reject) => {
        attempt.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    }, explain);
    expect([seen[0]!.isGivenUp, seen[0]!.signal.aborted]).toEqual([false, false]);
    await expect(given).rejects.toBeInstanceOf(RedisCommandTimeoutError);
    expect([seen[0]!.isGivenUp, seen[0]!.signal.aborted]).toEqual([true, true]);
  });

  it('drops an answer or an error that comes too late', async () => {
    const deadlines = new CommandDeadlines(20);
    const late = async () => {
      await delay(50);
      throw new Error('late');
    };
    await expect(deadlines.enforce(late, explain)).rejects.toBeInstanceOf(RedisCommandTimeoutError);
    await delay(60); // an unhandled rejection would fail this test
  });

  it('reads answers that came while the process was busy before it gives up on them', async () => {
    const deadlines = new CommandDeadlines(20);
    const answer = deadlines.enforce(
      () => new Promise((resolve) => setImmediate(resolve, 'in time')),
      explain,
    );
    const busyUntil = performance.now() + 60;
    while (performance.now() < busyUntil);
    expect(await answer).toBe('in time');
  });
});
