import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { RedisConnection } from '../redis/redis-connection.interface.js';
import { available } from './redis-availability.js';
import { HOLD_LOCK } from './scripts/hold-lock.lua.js';
import { SessionLockedError } from './sessions.errors.js';

/** How long a lock outlives its holder's last sign of life, in milliseconds. */
const LEASE_MS = 15_000;

/** How often the holder extends its lease, in milliseconds. */
const EXTEND_MS = 5_000;

/** Tries to get the lock are so far apart, and then up to twice as far, in milliseconds. */
const RETRY_MS = 20;

/**
 * A lock among all instances: a key with a random token that only its holder extends and deletes. The lock of an
 * instance that died ends by itself.
 */
export class RedisSessionLock {
  private readonly logger = new Logger(RedisSessionLock.name);

  /** @param waitMs how long a caller waits in all, for the message of the error */
  constructor(
    private readonly redis: RedisConnection,
    private readonly waitMs: number,
  ) {}

  /**
   * @param giveUpAt when the wait is over, as a time of `performance.now`; a lock that is free is taken even then
   * @throws SessionLockedError the lock has not become free in time
   * @throws SessionsUnavailableError Redis does not answer
   */
  async withLock<T>(key: string, giveUpAt: number, work: () => Promise<T>): Promise<T> {
    const token = randomUUID();
    await this.acquire(key, token, giveUpAt);
    const extending = setInterval(() => void this.extend(key, token), EXTEND_MS).unref();
    try {
      return await work();
    } finally {
      clearInterval(extending);
      await this.release(key, token);
    }
  }

  private async acquire(key: string, token: string, giveUpAt: number): Promise<void> {
    while (!(await available(() => this.tryAcquire(key, token)))) {
      if (performance.now() >= giveUpAt) throw new SessionLockedError(this.waitMs);
      await delay(RETRY_MS * (1 + Math.random()));
    }
  }

  private async tryAcquire(key: string, token: string): Promise<boolean> {
    if ((await this.redis.command(key, 'set', key, token, 'nx', 'px', LEASE_MS)) !== null) return true;
    // The client may have repeated a command that had succeeded.
    return (await this.redis.command(key, 'get', key)) === token;
  }

  private async extend(key: string, token: string): Promise<void> {
    try {
      const isHeld = (await this.redis.run(HOLD_LOCK, [key], [token, LEASE_MS])) === 1;
      if (!isHeld) this.logger.warn('The lock of a session was lost while its work went on');
    } catch (error) {
      this.logger.warn(`The lock of a session could not be extended: ${String(error)}`);
    }
  }

  private async release(key: string, token: string): Promise<void> {
    try {
      await this.redis.run(HOLD_LOCK, [key], [token, 0]);
    } catch (error) {
      // The work is done, whatever becomes of the lock: it ends by itself.
      this.logger.warn(`The lock of a session could not be released: ${String(error)}`);
    }
  }
}
