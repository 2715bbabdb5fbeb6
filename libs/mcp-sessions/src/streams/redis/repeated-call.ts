import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import { RedisCommandTimeoutError } from '../../redis/redis.errors.js';

const RETRY_MS = 100;

/**
 * Calls Redis, again while that fails and the command timeout is not over: connections break, and a failover takes
 * its time. An answer may have been lost: what is
 * called must be safe to run twice.
 *
 * @param options.since when the waiting began, by the clock of `performance.now()`
 */
export async function repeatedCall<Answer>(
  redis: RedisConnection,
  call: () => Promise<Answer>,
  { since = performance.now() } = {},
): Promise<Answer> {
  const { commandTimeoutMs } = redis;
  const leftMs = (): number => since + commandTimeoutMs - performance.now();
  for (;;) {
    if (leftMs() <= 0) throw new RedisCommandTimeoutError(commandTimeoutMs);
    try {
      return await inTime(call(), leftMs(), commandTimeoutMs);
    } catch (error) {
      if (leftMs() <= RETRY_MS || isFinal(error)) throw error;
      await delay(RETRY_MS);
    }
  }
}

/** Whether a repetition would be answered in the same way. */
function isFinal(error: unknown): boolean {
  return error instanceof Error && /^(STALE|NOPERM)/.test(error.message);
}

/** A repetition begins late, and has only what is left of the time. */
async function inTime<Answer>(answer: Promise<Answer>, leftMs: number, timeoutMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RedisCommandTimeoutError(timeoutMs)), leftMs).unref();
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
