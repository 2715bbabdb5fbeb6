import { Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionLifecycle } from '../mcp/session-lifecycle.js';
import type { Readiness } from '../mcp/readiness.js';
import type { SessionRuntimes } from '../mcp/session-runtimes.js';
import type { SessionStore } from '../session-store/session-store.interface.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';

/** Settings of {@link GracefulShutdown}. */
export interface GracefulShutdownConfig {
  /** How long requests in progress may take to finish, in milliseconds. */
  graceMs: number;
  /** When clients come back at the earliest, in milliseconds. */
  retryMs: number;
}

/** The SSE connections of this instance. */
export interface OpenConnections {
  /** Ends all of them; each client is told a different time to come back. */
  endAll(retryMs: number, spreadMs: number): void;
}

const POLL_MS = 20;
/** Time for ended responses to leave the process: without it the HTTP server waits for their connections. */
const SETTLE_MS = 20;
/** Clients are told to come back at different times within this long, so that they do not all come at once. */
const RETRY_SPREAD_MS = 2_000;

/** Closes down in order: nothing new, what is running finishes, streams end, what is pending is stored. */
export class GracefulShutdown implements BeforeApplicationShutdown {
  private readonly logger = new Logger(GracefulShutdown.name);

  constructor(
    private readonly config: GracefulShutdownConfig,
    private readonly readiness: Readiness,
    private readonly runtimes: SessionRuntimes,
    private readonly connections: OpenConnections,
    private readonly streams: StreamManager,
    private readonly store: SessionStore,
    private readonly lifecycle: SessionLifecycle,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    this.readiness.drain();
    const deadline = Date.now() + this.config.graceMs;
    while (this.runtimes.busySessionIds().length > 0 && Date.now() < deadline) await delay(POLL_MS);
    await this.attempt('Server objects', () => this.runtimes.dropAll());
    await this.attempt('Streams', () => this.connections.endAll(this.config.retryMs, RETRY_SPREAD_MS));
    await delay(SETTLE_MS);
    await this.attempt('The stream manager', () => this.streams.close?.());
    await this.attempt('The session store', () => this.store.close?.());
    this.lifecycle.complete();
  }

  /** A step that fails does not keep the later ones from being made. */
  private async attempt(what: string, close: () => Promise<void> | void): Promise<void> {
    try {
      await close();
    } catch (error) {
      this.logger.error(`${what} could not be closed`, error);
    }
  }
}
