import { Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import type { Sessions } from '../client-sessions/sessions.interface.js';
import { jittered } from './jittered.js';

/** Settings of {@link ClientSessionsCleanup}. */
export interface ClientSessionsCleanupConfig {
  /** The name of the job in the scheduler registry. */
  jobName: string;
  intervalMs: number;
  /** Whether there is anything to clean up: a repository that was never used is not made for this. */
  isInUse: () => boolean;
  /**
   * Keeps the repository connected until the function that it returns is called; absent: the repository is the
   * application's own, and so is its end.
   */
  hold?: () => () => Promise<void>;
}

/** Removes users' connections that have ended. Any number of instances may do that at once. */
export class ClientSessionsCleanup implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ClientSessionsCleanup.name);
  private running: Promise<void> | undefined;
  private release: (() => Promise<void>) | undefined;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    private readonly config: ClientSessionsCleanupConfig,
    private readonly sessions: Sessions,
  ) {}

  onApplicationBootstrap(): void {
    const { jobName, intervalMs, hold } = this.config;
    this.release = hold?.();
    this.scheduler.addInterval(jobName, setInterval(() => this.start(), jittered(intervalMs)).unref());
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { jobName, hold } = this.config;
    if (this.scheduler.doesExist('interval', jobName)) this.scheduler.deleteInterval(jobName);
    await this.running;
    // An application that ends before it has started may have used it all the same.
    this.release ??= hold?.();
    await this.release?.();
  }

  private start(): void {
    if (this.running || !this.config.isInUse()) return;
    this.running = this.sessions
      .cleanupExpired()
      .catch((error: unknown) => this.logger.error("The cleanup of users' connections failed", error))
      .finally(() => (this.running = undefined));
  }
}
