import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import type { SessionLifecycle } from '../mcp/session-lifecycle.js';
import type { SessionCensus } from '../mcp/session-census.js';
import type { CompleteSessionStore } from '../session-store/session-store.interface.js';
import { allSettled } from '../common/all-settled.js';
import { jittered } from './jittered.js';

/** Settings of {@link SessionCleanup}. */
export interface SessionCleanupConfig {
  /** The name of the job in the scheduler registry. */
  jobName: string;
  intervalMs: number;
  idleTimeoutMs: number;
  /** Whether the store ends sessions by itself; otherwise cleanup looks at each of them. */
  storeExpires: boolean;
}

/** Says which sessions are in use without their client having to send anything: they are kept alive. */
export type SessionsInUse = () => Iterable<string>;

/** Runs within the idle timeout, at least. */
const RUNS_PER_TIMEOUT = 4;
/** Sessions in use are kept alive once in this part of the idle timeout: early enough that it may fail and be tried again. */
const KEEP_ALIVE_PART = 1 / 5;

/** Store calls that run side by side. */
const CONCURRENCY = 512;

/**
 * Ends on this instance what has ended in the store: runtime, streams and all. Sessions whose client is connected
 * or waits for an answer are kept alive. Its cost follows what has expired and what is connected, unless the store has no lifetimes.
 */
export class SessionCleanup implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SessionCleanup.name);
  private running: Promise<void> | undefined;
  private keptAliveAt = Date.now();
  private stopListening: (() => void) | undefined;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    private readonly config: SessionCleanupConfig,
    private readonly store: CompleteSessionStore,
    private readonly lifecycle: SessionLifecycle,
    private readonly census: SessionCensus,
    private readonly sessionsInUse: SessionsInUse,
  ) {}

  onApplicationBootstrap(): void {
    this.stopListening = this.store.onExpired?.((sessionId) => this.lifecycle.forget(sessionId, 'expired'));
    // Sessions in use have to be kept alive well before their time is over.
    const intervalMs = Math.min(this.config.intervalMs, this.config.idleTimeoutMs / RUNS_PER_TIMEOUT);
    const interval = setInterval(() => this.logFailure(this.run()), jittered(intervalMs)).unref();
    this.scheduler.addInterval(this.config.jobName, interval);
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (this.scheduler.doesExist('interval', this.config.jobName)) {
      this.scheduler.deleteInterval(this.config.jobName);
    }
    this.stopListening?.();
    await this.running?.catch(() => undefined); // It has been logged where it was started.
  }

  /** Cleans up now; a run that is under way is joined. */
  run(now = Date.now()): Promise<void> {
    this.running ??= this.cleanUp(now).finally(() => (this.running = undefined));
    return this.running;
  }

  private async cleanUp(now: number): Promise<void> {
    if (now - this.keptAliveAt >= this.config.idleTimeoutMs * KEEP_ALIVE_PART) {
      await this.forgetMissing(this.sessionsInUse(), (sessionId) => this.keepAlive(sessionId));
      this.keptAliveAt = now; // what failed is tried again by the next run
    }
    const unseen = this.census.unseenSince(now - this.config.idleTimeoutMs);
    await this.forgetMissing(unseen, (sessionId) => this.isServedElsewhere(sessionId));
    if (!this.config.storeExpires) {
      for await (const sessionId of this.store.scan()) {
        if (!(await this.store.has(sessionId))) await this.lifecycle.forget(sessionId, 'expired');
      }
    }
  }

  private async keepAlive(sessionId: string): Promise<boolean> {
    const isThere = (await this.store.touch(sessionId)) !== null;
    if (isThere) this.census.keep(sessionId);
    return isThere;
  }

  /** A session that exists but has not been seen here for so long is another instance's by now. */
  private async isServedElsewhere(sessionId: string): Promise<boolean> {
    const isThere = await this.store.has(sessionId);
    if (isThere) this.census.remove(sessionId);
    return isThere;
  }

  private async forgetMissing(
    sessionIds: Iterable<string>,
    exists: (sessionId: string) => Promise<boolean>,
  ): Promise<void> {
    const waiting = [...sessionIds];
    const work = async (): Promise<void> => {
      for (let sessionId = waiting.pop(); sessionId !== undefined; sessionId = waiting.pop()) {
        if (!(await exists(sessionId))) await this.lifecycle.forget(sessionId, 'expired');
      }
    };
    await allSettled(Array.from({ length: CONCURRENCY }, work), 'Sessions could not be looked after');
  }

  private logFailure(work: Promise<void>): void {
    work.catch((error: unknown) => this.logger.error('Session cleanup failed', error));
  }
}
