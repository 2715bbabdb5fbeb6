import { Logger } from '@nestjs/common';
import type { Response } from 'express';
import { logSafeId } from '../common/log-safe-id.js';
import type { SseConnection } from '../streams/sse-connection.js';
import type { SseConnections } from '../streams/sse-connections.js';
import { messageFrame, primingFrame } from '../streams/sse-frame.js';
import { StreamLostError } from '../streams/stream-manager.errors.js';
import {
  MAIN_STREAM_KEY,
  type EventId,
  type OpenStreamOptions,
  type ResumableStreamManager,
  type StreamRef,
} from '../streams/stream-manager.interface.js';
import { lostResponse } from './json-rpc.js';
import { tooManyRequests, unavailable } from './mcp-request.errors.js';
import { hasPrimingEvent } from './protocol-version.js';
import { requestIdsOf } from './request-stream-key.js';

/** Settings of {@link ClientStreams}. */
export interface ClientStreamsConfig {
  retryMs: number;
  limits: { streams: number; streamsPerSession: number; streamsPerPrincipal: number };
}

/** The session that a stream is one of, and whose it is. */
export interface StreamOwner {
  sessionId: string;
  principal: string | undefined;
}

/** A response attached to a stream. */
export interface OpenedStream {
  connection: SseConnection;
  /** Whether the client has been given an event id, so that it can come back when the connection ends. */
  resumable: boolean;
}

/** A response attached to a stream behind an event. */
export interface ResumedStream {
  connection: SseConnection;
  /** Whether it is a request's stream which has ended with that event: there is nothing to come back for. */
  isOver: boolean;
}

/** Connects HTTP responses to the streams of a session. */
export class ClientStreams {
  private readonly logger = new Logger('McpSessions');
  /** One function for all connections: one each would stay in memory as long as they do. */
  private readonly letGo = (connection: SseConnection): void => this.release(connection.stream, connection);

  constructor(
    readonly manager: ResumableStreamManager,
    private readonly connections: SseConnections,
    private readonly config: ClientStreamsConfig,
  ) {}

  /** @throws McpRequestError one more connection would be beyond a limit */
  admit({ sessionId, principal }: Partial<StreamOwner>): void {
    const { streams, streamsPerSession, streamsPerPrincipal } = this.config.limits;
    if (this.connections.size >= streams) {
      throw unavailable(`This server has reached its limit of ${streams} streams`);
    }
    if (sessionId !== undefined && this.connections.sizeOfSession(sessionId) >= streamsPerSession) {
      throw tooManyRequests(`This session has reached the limit of ${streamsPerSession} streams`);
    }
    if (principal !== undefined && this.connections.sizeOfPrincipal(principal) >= streamsPerPrincipal) {
      throw tooManyRequests(`You have reached the limit of ${streamsPerPrincipal} streams`);
    }
  }

  /** A new connection for a response; `onEnd` is called when it has ended, whoever ended it. */
  connect(
    stream: StreamRef,
    principal: string | undefined,
    response: Response,
    onEnd: (connection: SseConnection) => void,
  ): SseConnection {
    const connection = this.connections.add(stream, principal, response, onEnd);
    // Whoever answers: a middleware may have been faster, and then nobody ever subscribes to the connection.
    if (response.closed) connection.close();
    else response.on('close', () => connection.close());
    return connection;
  }

  /** Attaches the response to one of the owner's streams, behind what was last delivered on it. */
  async open(
    owner: StreamOwner,
    key: string,
    response: Response,
    protocolVersion: string | undefined,
  ): Promise<OpenedStream> {
    const stream = { sessionId: owner.sessionId, key };
    let resumable = false;
    const connection = await this.attach(stream, owner.principal, response, (connection) => {
      const onPosition = this.priming(connection, response, protocolVersion, () => (resumable = true));
      return this.manager.open(stream, connection, { onPosition });
    });
    return { connection, resumable };
  }

  /**
   * Attaches the response to the stream that the event belongs to, behind that event. It begins with a priming event,
   * too: the SDKs' clients have forgotten the id when the connection ends before it has carried another.
   *
   * @throws InvalidEventIdError the id is malformed or of another session
   */
  async resume(
    owner: StreamOwner,
    after: EventId,
    response: Response,
    protocolVersion: string | undefined,
  ): Promise<ResumedStream> {
    const stream = this.manager.streamOf(owner.sessionId, after);
    let isAttached = false;
    let isOver = false;
    const connection = await this.attach(stream, owner.principal, response, async (connection) => {
      try {
        const prime = this.priming(connection, response, protocolVersion);
        const onPosition = (position: EventId): void => {
          isAttached = true;
          prime?.(position);
        };
        await this.manager.open(stream, connection, { after, onPosition });
        // From now on somebody else may end the connection. One that was not attached has been overtaken by another.
        isOver = isAttached && connection.isEmpty && (await this.hasEnded(stream));
      } catch (error) {
        if (!(error instanceof StreamLostError)) throw error;
        await this.answerLost(stream, connection, after);
      }
    });
    return { connection, isOver };
  }

  /** Ends a stream that will carry no answer after all. */
  async abandon(stream: StreamRef): Promise<void> {
    await this.manager.append(stream, '', { last: true });
  }

  /** Ends the connection of a stream, not the stream: the client comes back for the rest. */
  release(stream: StreamRef, connection?: SseConnection): void {
    this.inBackground(stream.sessionId, this.manager.release(stream, connection));
  }

  /** For what nobody waits for, when a connection has ended. */
  inBackground(sessionId: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.logger.error(`A stream of session ${logSafeId(sessionId)} could not be released`, error);
    });
  }

  private async hasEnded(stream: StreamRef): Promise<boolean> {
    if (stream.key === MAIN_STREAM_KEY) return false;
    return (await this.manager.hasEnded?.(stream)) ?? true;
  }

  private async attach(
    stream: StreamRef,
    principal: string | undefined,
    response: Response,
    open: (connection: SseConnection) => Promise<void>,
  ): Promise<SseConnection> {
    const connection = this.connect(stream, principal, response, this.letGo);
    try {
      await open(connection);
      // It may have ended before it was attached: then nobody has let go of it yet.
      if (response.closed) await this.manager.release(stream, connection);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Writes the priming event of a connection, if its client knows such events. */
  private priming(
    connection: SseConnection,
    response: Response,
    protocolVersion: string | undefined,
    onPrimed?: () => void,
  ): OpenStreamOptions['onPosition'] {
    if (!hasPrimingEvent(protocolVersion)) return undefined;
    return (position) => {
      onPrimed?.();
      if (!response.closed) connection.prime(primingFrame(position, this.config.retryMs));
    };
  }

  /** The answers that this stream was to carry will never come: says so instead of letting the client wait. */
  private async answerLost(stream: StreamRef, connection: SseConnection, after: EventId): Promise<void> {
    const answers = requestIdsOf(stream.key).map((id) => messageFrame(lostResponse(id)));
    // Logged like any answer, so that it has an id: a client that comes back behind it is told that this is all.
    await this.manager.append(stream, answers.join(''), { last: true });
    try {
      // Some of what came before may still be there.
      await this.manager.open(stream, connection, { after });
    } catch (error) {
      if (!(error instanceof StreamLostError)) throw error;
      await this.manager.open(stream, connection);
    }
  }
}
