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
  /** Whether the library made the repository, and is to let go of it at the shutdown. */
  isOwn: boolean;
}

/** Removes users' connections that have ended. Any number of instances may do that at once. */
export class ClientSessionsCleanup implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ClientSessionsCleanup.name);
  private running: Promise<void> | undefined;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    private readonly config: ClientSessionsCleanupConfig,
    private readonly sessions: Sessions,
  ) {}

  onApplicationBootstrap(): void {
    const { jobName, intervalMs } = this.config;
    this.scheduler.addInterval(jobName, setInterval(() => this.start(), jittered(intervalMs)).unref());
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { jobName } = this.config;
    if (this.scheduler.doesExist('interval', jobName)) this.scheduler.deleteInterval(jobName);
    await this.running;
    if (this.config.isOwn) await this.sessions.disconnect();
  }

  private start(): void {
    if (this.running || !this.config.isInUse()) return;
    this.running = this.sessions
      .cleanupExpired()
      .catch((error: unknown) => this.logger.error("The cleanup of users' connections failed", error))
      .finally(() => (this.running = undefined));
  }
}
