import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import type { SessionMetadata } from '../session-store/session-store.interface.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { sessionNotFound } from './mcp-request.errors.js';
import type { JsonRpcMessage, McpServerContext, McpServerLike } from './mcp-server.interface.js';
import { SessionRuntime } from './session-runtime.js';
import { SessionTransport, type AnswerObserver } from './session-transport.js';

/** Settings of {@link SessionRuntimes}. */
export interface SessionRuntimesConfig {
  /** Runtimes kept; above it the idle ones are dropped, oldest first. */
  maxRuntimes: number;
  /** A runtime that has not been used for this long is dropped, in milliseconds. */
  idleMs: number;
}

/** What the runtimes need of the sessions they belong to. */
export interface SessionRuntimesHost {
  makeServer(context: Omit<McpServerContext, 'sessions'>): McpServerLike | Promise<McpServerLike>;
  observeAnswer(runtime: SessionRuntime, ...answered: Parameters<AnswerObserver>): ReturnType<AnswerObserver>;
  /** The session's metadata as the store has it now. */
  read(sessionId: string): Promise<SessionMetadata | null>;
  /** A runtime was made for a session that was opened elsewhere or earlier. */
  resumed(sessionId: string): Promise<void>;
}

/** The server objects of this instance's sessions: made when first needed, once, and dropped when idle. */
export class SessionRuntimes {
  private readonly logger = new Logger(SessionRuntimes.name);
  /** Least recently used first. */
  private readonly runtimes = new Map<string, SessionRuntime>();
  private readonly making = new Map<string, Promise<SessionRuntime>>();
  private idleTimer: NodeJS.Timeout | undefined;
  private host!: SessionRuntimesHost;

  constructor(
    private readonly streams: ResumableStreamManager,
    private readonly config: SessionRuntimesConfig,
  ) {
    streams.onForwardedResponse?.((message, sessionId) => {
      this.runtimes.get(sessionId)?.transport.receiveForwarded(message as JsonRpcMessage);
    });
  }

  get size(): number {
    return this.runtimes.size;
  }

  /** Ids of the sessions with a request in progress. */
  busySessionIds(): string[] {
    return [...this.runtimes.values()].filter((runtime) => runtime.isBusy).map(({ sessionId }) => sessionId);
  }

  serve(host: SessionRuntimesHost): void {
    this.host = host;
  }

  /** Makes the runtime of a session that is being opened. The caller releases it. */
  async create(sessionId: string, principal: string | undefined): Promise<SessionRuntime> {
    const runtime = await this.make(sessionId, principal);
    this.keep(runtime);
    return runtime;
  }

  /** The session's runtime, made from its metadata if this instance has none. The caller releases it. */
  async acquire(sessionId: string, metadata: SessionMetadata): Promise<SessionRuntime> {
    const existing = this.runtimes.get(sessionId);
    if (existing) {
      this.keep(existing);
      if (existing.isInStepWith(metadata)) return existing;
      return this.catchUp(existing);
    }
    let making = this.making.get(sessionId);
    if (!making) {
      making = this.restore(sessionId).finally(() => this.making.delete(sessionId));
      this.making.set(sessionId, making);
    }
    const runtime = await making;
    if (runtime.transport.isClosed) throw sessionNotFound(); // The session ended meanwhile.
    this.keep(runtime);
    return runtime;
  }

  /** Drops the session's runtime, in use or not. */
  async drop(sessionId: string): Promise<void> {
    const runtime =
      this.runtimes.get(sessionId) ?? (await this.making.get(sessionId)?.catch(() => undefined));
    if (!runtime) return;
    this.runtimes.delete(sessionId);
    await this.closeRuntime(runtime);
  }

  async dropAll(): Promise<void> {
    clearInterval(this.idleTimer);
    this.idleTimer = undefined;
    await Promise.all([...this.runtimes.keys()].map((sessionId) => this.drop(sessionId)));
  }

  /**
   * Repeats to the server object what was set on another instance. The metadata is read once more, since what the
   * request found may be older than what another request has just set here.
   */
  private async catchUp(runtime: SessionRuntime): Promise<SessionRuntime> {
    try {
      const metadata = await this.host.read(runtime.sessionId);
      if (!metadata) throw sessionNotFound();
      await runtime.synchronize(metadata);
      return runtime;
    } catch (error) {
      runtime.release();
      throw error;
    }
  }

  /**
   * The metadata is read once more: a session that ended since the request found it must not come back, and one that
   * ends from now on waits for this to be made, and drops it.
   */
  private async restore(sessionId: string): Promise<SessionRuntime> {
    const metadata = await this.host.read(sessionId);
    if (!metadata) throw sessionNotFound();
    const runtime = await this.make(sessionId, metadata.principal);
    try {
      await runtime.restore(metadata);
      // A session of HTTP+SSE begins without one: its `initialize` comes as a message.
      if (metadata.protocolVersion !== undefined) await this.host.resumed(sessionId);
    } catch (error) {
      await this.closeRuntime(runtime);
      throw error;
    }
    this.runtimes.set(sessionId, runtime);
    return runtime;
  }

  private async make(sessionId: string, principal: string | undefined): Promise<SessionRuntime> {
    const server = await this.host.makeServer({ sessionId, principal });
    const observeAnswer: AnswerObserver = (request, answer) =>
      this.host.observeAnswer(runtime, request, answer);
    const transport = new SessionTransport(sessionId, this.streams, observeAnswer);
    const runtime: SessionRuntime = new SessionRuntime(sessionId, transport, server);
    await runtime.connect();
    const serverClosed = transport.onclose;
    transport.onclose = () => {
      serverClosed?.();
      if (this.runtimes.get(sessionId) === runtime) this.runtimes.delete(sessionId);
    };
    return runtime;
  }

  /** Marks the runtime as the most recently used, holds it, and makes room. */
  private keep(runtime: SessionRuntime): void {
    runtime.hold(Date.now());
    this.runtimes.delete(runtime.sessionId);
    this.runtimes.set(runtime.sessionId, runtime);
    this.idleTimer ??= setInterval(() => this.dropIdle(), Math.max(this.config.idleMs / 2, 10)).unref();
    if (this.runtimes.size > this.config.maxRuntimes) this.dropBeyondLimit();
  }

  private dropBeyondLimit(): void {
    for (const runtime of this.runtimes.values()) {
      if (this.runtimes.size <= this.config.maxRuntimes) return;
      if (!runtime.isBusy) this.dropQuietly(runtime);
    }
  }

  private dropIdle(): void {
    const idleSince = Date.now() - this.config.idleMs;
    for (const runtime of this.runtimes.values()) {
      if (runtime.lastUsedAt > idleSince) break;
      if (!runtime.isBusy) this.dropQuietly(runtime);
    }
    if (this.runtimes.size > 0) return;
    clearInterval(this.idleTimer);
    this.idleTimer = undefined;
  }

  private dropQuietly(runtime: SessionRuntime): void {
    this.runtimes.delete(runtime.sessionId);
    void this.closeRuntime(runtime);
  }

  private async closeRuntime(runtime: SessionRuntime): Promise<void> {
    try {
      await runtime.close();
    } catch (error) {
      this.logger.error(
        `The server object of session ${logSafeId(runtime.sessionId)} failed to close`,
        error,
      );
    }
  }
}
