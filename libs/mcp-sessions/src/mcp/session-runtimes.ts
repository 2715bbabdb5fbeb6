import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import type { SessionMetadata } from '../session-store/session-store.interface.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import type { JsonRpcRequest } from './json-rpc.js';
import { sessionNotFound, unavailable } from './mcp-request.errors.js';
import type { JsonRpcMessage, McpServerContext, McpServerLike } from './mcp-server.interface.js';
import { SessionRuntime } from './session-runtime.js';
import { SessionTransport, type RequestObserver } from './session-transport.js';

/** Settings of {@link SessionRuntimes}. */
export interface SessionRuntimesConfig {
  /** Runtimes kept; above it the idle ones are dropped, oldest first. */
  maxRuntimes: number;
  /** Requests of one session that may be in progress at a time. */
  maxRequests: number;
  /** A runtime that has not been used for this long is dropped, in milliseconds. */
  idleMs: number;
}

/** What the runtimes need of the sessions they belong to. */
export interface SessionRuntimesHost {
  makeServer(context: Omit<McpServerContext, 'sessions'>): McpServerLike | Promise<McpServerLike>;
  refusal(runtime: SessionRuntime, request: JsonRpcRequest): string | undefined;
  answered(runtime: SessionRuntime, request: JsonRpcRequest, answer: JsonRpcMessage): Promise<void>;
  /** The session's metadata as the store has it now. */
  read(sessionId: string): Promise<SessionMetadata | null>;
  /** A runtime was made for a session that was opened elsewhere or earlier. */
  resumed(sessionId: string): Promise<void>;
  /** The session turned out to have ended. */
  gone(sessionId: string): Promise<void>;
}

/** A runtime on its way. */
interface Making {
  runtime: Promise<SessionRuntime>;
  /** The session ended meanwhile: the runtime is closed as soon as it is there. */
  dropped: boolean;
}

/** How long an application's factory and the replayed handshake may take. */
const MAKING_TIMEOUT_MS = 30_000;

/** The server objects of this instance's sessions: made when first needed, once, and dropped when idle. */
export class SessionRuntimes {
  private readonly logger = new Logger(SessionRuntimes.name);
  /** Least recently used first. */
  private readonly runtimes = new Map<string, SessionRuntime>();
  private readonly making = new Map<string, Making>();
  private closed = false;
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

  /** Ids of the sessions that have a runtime here. */
  sessionIds(): string[] {
    return [...this.runtimes.keys()];
  }

  /** The session's runtime, if this instance has one. It is not held: use it at once. */
  find(sessionId: string): SessionRuntime | undefined {
    return this.runtimes.get(sessionId);
  }

  /** Brings the session's runtime, if this instance has one, to where the store says that the session is. */
  async refresh(sessionId: string): Promise<void> {
    const runtime = this.runtimes.get(sessionId);
    if (!runtime) return;
    const metadata = await this.host.read(sessionId);
    if (!metadata) return this.host.gone(sessionId);
    if (!runtime.isInStepWith(metadata) && !runtime.transport.isClosed) await runtime.synchronize(metadata);
  }

  /** Ids of the sessions with a request in progress. */
  busySessionIds(): string[] {
    const busy = [...this.runtimes.values()].filter((runtime) => runtime.isBusy);
    return [...busy.map(({ sessionId }) => sessionId), ...this.making.keys()];
  }

  serve(host: SessionRuntimesHost): void {
    this.host = host;
  }

  /** Makes the runtime of a session that is being opened. The caller releases it. */
  create(sessionId: string, principal: string | undefined): Promise<SessionRuntime> {
    return this.makeOnce(sessionId, () => this.make(sessionId, principal));
  }

  /** The session's runtime, made from its metadata if this instance has none. The caller releases it. */
  async acquire(sessionId: string, metadata: SessionMetadata): Promise<SessionRuntime> {
    const existing = this.runtimes.get(sessionId);
    if (!existing) return this.makeOnce(sessionId, () => this.restore(sessionId));
    this.keep(existing);
    return existing.isInStepWith(metadata) ? existing : this.catchUp(existing);
  }

  release(runtime: SessionRuntime): void {
    runtime.release(Date.now());
  }

  /** Drops the session's runtime, in use or not. One that is being made is dropped once it is there. */
  async drop(sessionId: string): Promise<void> {
    const making = this.making.get(sessionId);
    if (making) making.dropped = true;
    const runtime = this.runtimes.get(sessionId);
    if (!runtime) return;
    this.runtimes.delete(sessionId);
    await this.closeRuntime(runtime);
  }

  /** Drops every runtime, and makes none from now on. */
  async dropAll(): Promise<void> {
    this.closed = true;
    clearInterval(this.idleTimer);
    this.idleTimer = undefined;
    const sessionIds = new Set([...this.runtimes.keys(), ...this.making.keys()]);
    await Promise.all(Array.from(sessionIds, (sessionId) => this.drop(sessionId)));
  }

  /** Concurrent requests of a session share one making. */
  private async makeOnce(sessionId: string, make: () => Promise<SessionRuntime>): Promise<SessionRuntime> {
    if (this.closed) throw unavailable('The server is shutting down');
    let making = this.making.get(sessionId);
    if (!making) {
      making = { runtime: this.inTime(make()), dropped: false };
      this.making.set(sessionId, making);
    }
    try {
      const runtime = await making.runtime;
      if (making.dropped) {
        await this.closeRuntime(runtime);
        throw sessionNotFound();
      }
      if (runtime.transport.isClosed)
        throw unavailable('The server object of the session has closed; try again');
      this.keep(runtime);
      return runtime;
    } finally {
      if (this.making.get(sessionId) === making) this.making.delete(sessionId);
    }
  }

  /** A factory that never settles must not leave its session's requests waiting for ever. */
  private async inTime(making: Promise<SessionRuntime>): Promise<SessionRuntime> {
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true;
        reject(unavailable('The server object of the session was not made in time'));
      }, MAKING_TIMEOUT_MS).unref();
    });
    making.then(
      (runtime) => (isLate ? this.closeRuntime(runtime) : undefined),
      (error: unknown) => {
        if (isLate) this.logger.error('A server object could not be made', error);
      },
    );
    try {
      return await Promise.race([making, timeout]);
    } finally {
      clearTimeout(timer);
    }
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
      this.release(runtime);
      throw error;
    }
  }

  /**
   * The metadata is read once more: a session that ended since the request found it must not come back. One that ends
   * from now on marks this making as dropped.
   */
  private async restore(sessionId: string): Promise<SessionRuntime> {
    const metadata = await this.host.read(sessionId);
    if (!metadata) {
      await this.host.gone(sessionId);
      throw sessionNotFound();
    }
    const runtime = await this.make(sessionId, metadata.principal);
    try {
      await runtime.restore(metadata);
      // A session of HTTP+SSE begins without one: its `initialize` comes as a message.
      if (metadata.protocolVersion !== undefined) await this.host.resumed(sessionId);
    } catch (error) {
      await this.closeRuntime(runtime);
      throw error;
    }
    return runtime;
  }

  private async make(sessionId: string, principal: string | undefined): Promise<SessionRuntime> {
    const server = await this.host.makeServer({ sessionId, principal });
    const observer: RequestObserver = {
      refusal: (request) => this.host.refusal(runtime, request),
      answered: (request, answer) => this.host.answered(runtime, request, answer),
    };
    const transport = new SessionTransport(sessionId, this.streams, observer, this.config.maxRequests);
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
      if (runtime.isBusy) runtime.lastUsedAt = Date.now();
      else if (runtime.lastUsedAt <= idleSince) this.dropQuietly(runtime);
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
