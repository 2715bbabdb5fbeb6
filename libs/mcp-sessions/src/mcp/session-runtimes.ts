import type { SessionMetadata } from '../session-store/session-store.interface.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { AnswerBacklog } from './answer-backlog.js';
import { sessionNotFound, unavailable } from './mcp-request.errors.js';
import type { JsonRpcMessage } from './mcp-server.interface.js';
import { RuntimeFactory, type SessionRuntimesHost } from './runtime-factory.js';
import type { SessionRuntime } from './session-runtime.js';
import type { SessionTransport } from './session-transport.js';

/** Settings of {@link SessionRuntimes}. */
export interface SessionRuntimesConfig {
  /** Runtimes kept; above it the idle ones are dropped, oldest first. */
  maxRuntimes: number;
  /** Runtimes in use and idle together. */
  maxInUse: number;
  /** Requests of one session that may be in progress at a time. */
  maxRequests: number;
  /** A runtime that has not been used for this long is dropped, in milliseconds. */
  idleMs: number;
}

/** A runtime on its way. */
interface Making {
  runtime: Promise<SessionRuntime>;
  /** The session ended meanwhile: the runtime is closed as soon as it is there. */
  dropped: boolean;
}

/** The server objects of this instance's sessions: made when first needed, once, and dropped when idle. */
export class SessionRuntimes {
  /** What the server objects answered and could not be put on its stream yet. */
  readonly backlog: AnswerBacklog;
  private readonly factory: RuntimeFactory;
  /** Least recently used first. */
  private readonly runtimes = new Map<string, SessionRuntime>();
  private readonly making = new Map<string, Making>();
  private closed = false;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    streams: ResumableStreamManager,
    private readonly config: SessionRuntimesConfig,
  ) {
    this.backlog = new AnswerBacklog(streams);
    this.factory = new RuntimeFactory(streams, this.backlog, config.maxRequests, (runtime) => {
      if (this.runtimes.get(runtime.sessionId) === runtime) this.runtimes.delete(runtime.sessionId);
    });
    streams.onForwardedResponse?.((message, sessionId) => {
      this.factory.transport(sessionId)?.receiveForwarded(message as JsonRpcMessage);
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

  /** As `find`; waits for one that is being made. */
  async findOrAwait(sessionId: string): Promise<SessionRuntime | undefined> {
    await this.making.get(sessionId)?.runtime.catch(() => undefined); // whoever has it made is told
    return this.runtimes.get(sessionId);
  }

  /** The transport of the session's server object, also of one that is being made and does not take requests yet. */
  transport(sessionId: string): SessionTransport | undefined {
    return this.factory.transport(sessionId);
  }

  /** Brings the session's runtime, if this instance has one, to where the store says that the session is. */
  async refresh(sessionId: string): Promise<void> {
    const runtime = await this.findOrAwait(sessionId);
    if (!runtime) return;
    if (!(await runtime.bringInStep(() => this.factory.host.read(sessionId))))
      await this.factory.host.gone(sessionId);
  }

  /** Ids of the sessions with a request in progress, or whose answer is still to be put on its stream. */
  busySessionIds(): string[] {
    const busy = [...this.runtimes.values()].filter((runtime) => runtime.isBusy);
    return [...busy.map(({ sessionId }) => sessionId), ...this.making.keys(), ...this.backlog.sessionIds()];
  }

  serve(host: SessionRuntimesHost): void {
    this.factory.host = host;
  }

  /** Makes the runtime of a session that is being opened. The caller releases it. */
  create(sessionId: string, principal: string | undefined): Promise<SessionRuntime> {
    return this.makeOnce(sessionId, () => this.factory.create(sessionId, principal));
  }

  /** The session's runtime, made from its metadata if this instance has none. The caller releases it. */
  async acquire(sessionId: string, metadata: SessionMetadata): Promise<SessionRuntime> {
    const existing = this.runtimes.get(sessionId);
    if (!existing) return this.makeOnce(sessionId, () => this.factory.restore(sessionId));
    this.keep(existing);
    return existing.isInStepWith(metadata) ? existing : this.catchUp(existing);
  }

  release(runtime: SessionRuntime): void {
    runtime.release(Date.now());
  }

  /** Drops the runtime of a session that has ended, in use or not. One that is being made is dropped once it is there. */
  async drop(sessionId: string): Promise<void> {
    await this.close(sessionId);
    this.backlog.forget(sessionId);
  }

  /** Whether anything is done here for the session. */
  serves(sessionId: string): boolean {
    return this.runtimes.has(sessionId) || this.making.has(sessionId) || this.backlog.has(sessionId);
  }

  /** Drops every runtime, and makes none from now on. */
  async dropAll(): Promise<void> {
    this.closed = true;
    clearInterval(this.idleTimer);
    this.idleTimer = undefined;
    const sessionIds = new Set([...this.runtimes.keys(), ...this.making.keys()]);
    await Promise.all(Array.from(sessionIds, (sessionId) => this.close(sessionId)));
    this.backlog.stop();
  }

  private async close(sessionId: string): Promise<void> {
    const making = this.making.get(sessionId);
    if (making) making.dropped = true;
    const runtime = this.runtimes.get(sessionId);
    if (!runtime) return;
    this.runtimes.delete(sessionId);
    await this.factory.close(runtime);
  }

  /** Concurrent requests of a session share one making. */
  private async makeOnce(sessionId: string, make: () => Promise<SessionRuntime>): Promise<SessionRuntime> {
    if (this.closed) throw unavailable('The server is shutting down');
    let making = this.making.get(sessionId);
    if (!making) {
      this.makeRoom();
      making = { runtime: make(), dropped: false };
      this.making.set(sessionId, making);
    }
    try {
      const runtime = await making.runtime;
      if (making.dropped) {
        await this.factory.close(runtime);
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

  /**
   * Repeats to the server object what was set on another instance. The metadata is read once more, since what the
   * request found may be older than what another request has just set here.
   */
  private async catchUp(runtime: SessionRuntime): Promise<SessionRuntime> {
    try {
      if (!(await runtime.bringInStep(() => this.factory.host.read(runtime.sessionId))))
        throw sessionNotFound();
      return runtime;
    } catch (error) {
      this.release(runtime);
      throw error;
    }
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
    this.dropIdleWhile(() => this.runtimes.size > this.config.maxRuntimes);
  }

  /** @throws McpRequestError as many runtimes as there may be are in use */
  private makeRoom(): void {
    const { maxInUse } = this.config;
    const isFull = (): boolean => this.runtimes.size + this.making.size >= maxInUse;
    this.dropIdleWhile(isFull);
    if (isFull()) throw unavailable(`This server is at work for ${maxInUse} sessions, its limit`);
  }

  /** Oldest first. */
  private dropIdleWhile(isTooMany: () => boolean): void {
    for (const runtime of this.runtimes.values()) {
      if (!isTooMany()) return;
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
    void this.factory.close(runtime);
  }
}
