import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import type { SessionMetadata } from '../session-store/session-store.interface.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import type { AnswerBacklog } from './answer-backlog.js';
import { inTime } from './in-time.js';
import type { JsonRpcRequest } from './json-rpc.js';
import { sessionNotFound, unavailable } from './mcp-request.errors.js';
import type { JsonRpcMessage, McpServerContext, McpServerLike } from './mcp-server.interface.js';
import { SessionRuntime } from './session-runtime.js';
import { SessionTransport, type RequestObserver } from './session-transport.js';

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

/** How long an application's factory and the replayed handshake may take. */
const MAKING_TIMEOUT_MS = 30_000;

/** Makes the server objects of sessions with the application's factory, and closes them. */
export class RuntimeFactory {
  host!: SessionRuntimesHost;
  private readonly logger = new Logger(RuntimeFactory.name);
  /** From before they are connected until they are closed: a server object may ask the client while it is being made. */
  private readonly transports = new Map<string, SessionTransport>();

  /**
   * @param maxRequests requests of one session that may be in progress at a time
   * @param onClosed called when a runtime has closed, whoever closed it
   */
  constructor(
    private readonly streams: ResumableStreamManager,
    private readonly backlog: AnswerBacklog,
    private readonly maxRequests: number,
    private readonly onClosed: (runtime: SessionRuntime) => void,
  ) {}

  /** The runtime of a session that is being opened. */
  create(sessionId: string, principal: string | undefined): Promise<SessionRuntime> {
    return this.inTime(this.make(sessionId, principal));
  }

  /** The runtime of a session that is there, brought to where the session is. */
  restore(sessionId: string): Promise<SessionRuntime> {
    return this.inTime(this.makeAgain(sessionId));
  }

  /** The transport of the session's server object, also of one that is being made and does not take requests yet. */
  transport(sessionId: string): SessionTransport | undefined {
    return this.transports.get(sessionId);
  }

  async close(runtime: SessionRuntime): Promise<void> {
    this.forgetTransport(runtime.transport);
    try {
      await runtime.close();
    } catch (error) {
      this.logger.error(
        `The server object of session ${logSafeId(runtime.sessionId)} failed to close`,
        error,
      );
    }
  }

  /** A factory that never settles must not leave its session's requests waiting for ever. */
  private inTime(making: Promise<SessionRuntime>): Promise<SessionRuntime> {
    let isLate = false;
    making.then(
      (runtime) => (isLate ? this.close(runtime) : undefined),
      (error: unknown) => {
        if (isLate) this.logger.error('A server object could not be made', error);
      },
    );
    return inTime(making, MAKING_TIMEOUT_MS, () => {
      isLate = true;
      return unavailable('The server object of the session was not made in time');
    });
  }

  /**
   * The metadata is read once more: a session that ended since the request found it must not come back. One that ends
   * from now on marks this making as dropped.
   */
  private async makeAgain(sessionId: string): Promise<SessionRuntime> {
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
      await this.close(runtime);
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
    const transport = new SessionTransport(sessionId, this.streams, observer, this.maxRequests);
    const runtime: SessionRuntime = new SessionRuntime(sessionId, transport, this.backlog, server);
    this.transports.set(sessionId, transport);
    try {
      await runtime.connect();
    } catch (error) {
      this.forgetTransport(transport);
      throw error;
    }
    const serverClosed = transport.onclose;
    transport.onclose = () => {
      serverClosed?.();
      this.forgetTransport(transport);
      this.onClosed(runtime);
    };
    return runtime;
  }

  private forgetTransport(transport: SessionTransport): void {
    const { sessionId } = transport;
    if (this.transports.get(sessionId) === transport) this.transports.delete(sessionId);
  }
}
