import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import type { CompleteSessionStore, SessionMetadata } from '../session-store/session-store.interface.js';
import { errorResponse, isErrorResponse, JsonRpcErrorCode, type JsonRpcRequest } from './json-rpc.js';
import { sessionNotFound } from './mcp-request.errors.js';
import type { JsonRpcMessage, MessageExtra } from './mcp-server.interface.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import type { SessionCensus } from './session-census.js';
import { handshakeRefusal, negotiated } from './session-changes.js';
import type { SessionRuntime } from './session-runtime.js';
import type { SessionRuntimes } from './session-runtimes.js';

type SessionTransportKind = NonNullable<SessionMetadata['transportType']>;

/** Settings of {@link SessionAccess}. */
export interface SessionAccessConfig {
  idleTimeoutMs: number;
  /** The name of the registration; absent for the unnamed one. */
  registration: string | undefined;
}

/** Opens sessions, and finds the session of a request. */
export class SessionAccess {
  private readonly logger = new Logger(SessionAccess.name);

  constructor(
    private readonly store: CompleteSessionStore,
    private readonly runtimes: SessionRuntimes,
    private readonly lifecycle: SessionLifecycle,
    private readonly census: SessionCensus,
    private readonly config: SessionAccessConfig,
  ) {}

  /**
   * The session's metadata, kept alive by this.
   *
   * @throws McpRequestError 404: there is no such session for this principal over this transport
   */
  async find(
    sessionId: string,
    principal: string | undefined,
    kind: SessionTransportKind,
  ): Promise<SessionMetadata> {
    const isOwn = (metadata: SessionMetadata): boolean =>
      metadata.principal === principal &&
      (metadata.transportType ?? 'streamable-http') === kind &&
      metadata.registration === this.config.registration;
    // Nobody but its owner keeps a session alive. Whoever is known to own it saves a round trip.
    if (!this.census.isOwnedBy(sessionId, principal)) {
      const metadata = await this.store.get(sessionId);
      if (metadata && !isOwn(metadata)) throw sessionNotFound();
    }
    const metadata = await this.store.touch(sessionId);
    if (!metadata) {
      if (this.census.has(sessionId)) await this.lifecycle.forget(sessionId, 'expired');
      throw sessionNotFound();
    }
    if (!isOwn(metadata)) throw sessionNotFound();
    this.census.see(sessionId, principal);
    return metadata;
  }

  /**
   * Makes sure that the session has not ended since it was found, while something was attached to it.
   *
   * @throws McpRequestError 404: it has; what was attached is gone again
   */
  async assertStillThere(sessionId: string): Promise<void> {
    if (await this.store.has(sessionId)) return;
    await this.lifecycle.forget(sessionId, 'ended');
    throw sessionNotFound();
  }

  /** The session's runtime, held until the caller releases it. */
  runtime(sessionId: string, metadata: SessionMetadata): Promise<SessionRuntime> {
    return this.runtimes.acquire(sessionId, metadata);
  }

  release(runtime: SessionRuntime): void {
    this.runtimes.release(runtime);
  }

  /**
   * Opens a Streamable HTTP session with the client's `initialize`.
   *
   * @returns the server's answer, and the id of the session unless the server refused
   */
  async open(
    request: JsonRpcRequest,
    principal: string | undefined,
    extra: MessageExtra,
  ): Promise<{ answer: JsonRpcMessage; sessionId?: string }> {
    const refusal = handshakeRefusal(request);
    if (refusal !== undefined)
      return { answer: errorResponse(request.id, JsonRpcErrorCode.InvalidParams, refusal) };
    const sessionId = this.admit(principal);
    let runtime: SessionRuntime | undefined;
    let opened = false;
    try {
      runtime = await this.runtimes.create(sessionId, principal);
      const answer = { ...(await runtime.initialize(request.params ?? {}, extra)), id: request.id };
      if (isErrorResponse(answer)) return { answer };
      await this.keep(sessionId, principal, negotiated(request, answer));
      opened = true;
      return { answer, sessionId };
    } finally {
      if (runtime) this.release(runtime);
      if (!opened) {
        this.census.remove(sessionId);
        await this.runtimes.drop(sessionId);
      }
    }
  }

  /** Opens an HTTP+SSE session, whose `initialize` comes later. @returns its id */
  async openSse(principal: string | undefined): Promise<string> {
    const sessionId = this.admit(principal);
    try {
      await this.keep(sessionId, principal, { transportType: 'sse' });
      return sessionId;
    } catch (error) {
      this.census.remove(sessionId);
      throw error;
    }
  }

  /** Stores a new session; leaves nothing behind if that fails. */
  private async keep(
    sessionId: string,
    principal: string | undefined,
    metadata: Partial<SessionMetadata>,
  ): Promise<void> {
    const { registration, idleTimeoutMs } = this.config;
    const complete = { ...metadata, lastAccessedAt: Date.now(), principal, registration };
    await this.store.setWithTTL(sessionId, complete, idleTimeoutMs);
    try {
      await this.lifecycle.created(sessionId, principal);
    } catch (error) {
      await this.store.delete(sessionId).catch((cause: unknown) => {
        this.logger.error(`Session ${logSafeId(sessionId)} could not be taken back`, cause);
      });
      throw error;
    }
  }

  /** @returns the id of a session to be opened, which counts from now on: opening takes time, and others come */
  private admit(principal: string | undefined): string {
    this.census.admit(principal);
    const sessionId = newSessionId();
    this.census.see(sessionId, principal);
    return sessionId;
  }
}

/** 144 bits from a cryptographic source, in visible ASCII (MCP 2025-11-25, basic/transports, Session Management). */
function newSessionId(): string {
  return randomBytes(18).toString('base64url');
}
