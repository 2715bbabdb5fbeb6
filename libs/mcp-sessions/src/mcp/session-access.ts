import { randomBytes } from 'node:crypto';
import type {
  CompleteSessionStore,
  LoggingLevel,
  SessionMetadata,
} from '../session-store/session-store.interface.js';
import { isErrorResponse, type JsonRpcRequest } from './json-rpc.js';
import { sessionNotFound } from './mcp-request.errors.js';
import type { JsonRpcMessage, MessageExtra } from './mcp-server.interface.js';
import type { McpSessions } from './mcp-sessions.service.js';
import type { ResourceSubscribers } from './resource-subscribers.js';
import type { SessionCensus } from './session-census.js';
import type { SessionRuntime } from './session-runtime.js';
import type { SessionRuntimes } from './session-runtimes.js';

/** Resources that one session may subscribe to. */
const MAX_SUBSCRIPTIONS = 1_000;

type SessionTransportKind = NonNullable<SessionMetadata['transportType']>;

/** Opens sessions, finds the session of a request, and stores what a session has to remember. */
export class SessionAccess {
  constructor(
    private readonly store: CompleteSessionStore,
    private readonly runtimes: SessionRuntimes,
    private readonly sessions: McpSessions,
    private readonly census: SessionCensus,
    private readonly subscribers: ResourceSubscribers,
    private readonly idleTimeoutMs: number,
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
    const metadata = await this.store.touch(sessionId);
    if (!metadata) {
      if (this.census.has(sessionId)) await this.sessions.forget(sessionId, 'expired');
      throw sessionNotFound();
    }
    if (metadata.principal !== principal || (metadata.transportType ?? 'streamable-http') !== kind) {
      throw sessionNotFound();
    }
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
    await this.sessions.forget(sessionId, 'ended');
    throw sessionNotFound();
  }

  /** The session's runtime, held until the caller releases it. */
  runtime(sessionId: string, metadata: SessionMetadata): Promise<SessionRuntime> {
    return this.runtimes.acquire(sessionId, metadata);
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
    const sessionId = this.admit(principal);
    let runtime: SessionRuntime | undefined;
    let opened = false;
    try {
      runtime = await this.runtimes.create(sessionId, principal);
      const answer = { ...(await runtime.initialize(request.params ?? {}, extra)), id: request.id };
      if (isErrorResponse(answer)) return { answer };
      const metadata = { lastAccessedAt: Date.now(), principal, ...negotiated(request, answer) };
      await this.store.setWithTTL(sessionId, metadata, this.idleTimeoutMs);
      await this.sessions.created(sessionId, principal);
      opened = true;
      return { answer, sessionId };
    } finally {
      runtime?.release();
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
      const metadata: SessionMetadata = { lastAccessedAt: Date.now(), principal, transportType: 'sse' };
      await this.store.setWithTTL(sessionId, metadata, this.idleTimeoutMs);
      await this.sessions.created(sessionId, principal);
      return sessionId;
    } catch (error) {
      this.census.remove(sessionId);
      throw error;
    }
  }

  /** Stores what an answer to the client changes about the session, before the client has the answer. */
  async observeAnswer(
    runtime: SessionRuntime,
    request: JsonRpcRequest,
    answer: JsonRpcMessage,
  ): Promise<void> {
    if (isErrorResponse(answer)) return;
    const { sessionId } = runtime;
    const { params = {} } = request;
    switch (request.method) {
      case 'initialize':
        await this.store.update(sessionId, negotiated(request, answer));
        break;
      case 'logging/setLevel':
        await this.store.update(sessionId, { logLevel: params.level as LoggingLevel });
        runtime.noteLogLevel(params.level as LoggingLevel);
        break;
      case 'resources/subscribe':
      case 'resources/unsubscribe': {
        const subscribed = request.method === 'resources/subscribe';
        const subscriptions = runtime.withSubscription(params.uri as string, subscribed);
        if (subscriptions.length > MAX_SUBSCRIPTIONS)
          throw new Error(`More than ${MAX_SUBSCRIPTIONS} subscriptions`);
        await this.store.update(sessionId, { subscriptions });
        runtime.noteSubscriptions(subscriptions);
        this.subscribers.set(sessionId, subscriptions);
        break;
      }
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

/** What `initialize` settled. */
function negotiated(request: JsonRpcRequest, answer: JsonRpcMessage): Partial<SessionMetadata> {
  const { capabilities, clientInfo } = (request.params ?? {}) as {
    capabilities?: Record<string, unknown>;
    clientInfo?: SessionMetadata['clientInfo'];
  };
  const { protocolVersion } = answer.result as { protocolVersion?: string };
  return { clientCapabilities: capabilities, clientInfo, protocolVersion };
}
