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
  type ResumableStreamManager,
  type StreamRef,
} from '../streams/stream-manager.interface.js';
import { errorResponse, JsonRpcErrorCode } from './json-rpc.js';
import { tooManyRequests, unavailable } from './mcp-request.errors.js';
import { hasPrimingEvent } from './protocol-version.js';
import { requestIdsOf } from './request-stream-key.js';

/** Settings of {@link ClientStreams}. */
export interface ClientStreamsConfig {
  retryMs: number;
  limits: { streams: number; streamsPerSession: number };
}

/** Connects HTTP responses to the streams of a session. */
export class ClientStreams {
  private readonly logger = new Logger('McpSessions');

  constructor(
    readonly manager: ResumableStreamManager,
    private readonly connections: SseConnections,
    private readonly config: ClientStreamsConfig,
  ) {}

  /** @throws McpRequestError one more connection would be beyond a limit */
  admit(sessionId?: string): void {
    const { streams, streamsPerSession } = this.config.limits;
    if (this.connections.size >= streams) {
      throw unavailable(`This server has reached its limit of ${streams} streams`);
    }
    if (sessionId !== undefined && this.connections.sizeOf(sessionId) >= streamsPerSession) {
      throw tooManyRequests(`This session has reached the limit of ${streamsPerSession} streams`);
    }
  }

  /** A new connection for a response; `onEnd` is called when it has ended, whoever ended it. */
  connect(
    sessionId: string,
    response: Response,
    onEnd: (connection: SseConnection) => Promise<void>,
  ): SseConnection {
    return this.connections.add(
      sessionId,
      () => response.writableLength,
      (connection) => this.inBackground(sessionId, onEnd(connection)),
    );
  }

  /** Attaches the response to the stream, behind what was last delivered on it. */
  async open(
    stream: StreamRef,
    response: Response,
    protocolVersion: string | undefined,
  ): Promise<SseConnection> {
    const connection = this.connectTo(stream, response);
    return this.attach(connection, async () => {
      if (hasPrimingEvent(protocolVersion)) {
        const position = await this.manager.position(stream);
        if (position !== '') connection.enqueue(Buffer.from(primingFrame(position, this.config.retryMs)));
      }
      await this.manager.open(stream, connection);
    });
  }

  openMain(
    sessionId: string,
    response: Response,
    protocolVersion: string | undefined,
  ): Promise<SseConnection> {
    return this.open({ sessionId, key: MAIN_STREAM_KEY }, response, protocolVersion);
  }

  /**
   * Attaches the response to the stream that the event belongs to, behind that event.
   *
   * @throws InvalidEventIdError the id is malformed or of another session
   */
  async resume(sessionId: string, after: EventId, response: Response): Promise<SseConnection> {
    const stream = this.manager.streamOf(sessionId, after);
    const connection = this.connectTo(stream, response);
    return this.attach(connection, async () => {
      try {
        await this.manager.open(stream, connection, { after });
      } catch (error) {
        if (!(error instanceof StreamLostError)) throw error;
        this.answerLost(stream, connection);
      }
    });
  }

  /** Ends the connection of a stream, not the stream: the client comes back for the rest. */
  release(stream: StreamRef): void {
    this.inBackground(stream.sessionId, this.manager.release(stream));
  }

  private connectTo(stream: StreamRef, response: Response): SseConnection {
    return this.connect(stream.sessionId, response, (connection) => this.manager.release(stream, connection));
  }

  private async attach(connection: SseConnection, attach: () => Promise<void>): Promise<SseConnection> {
    try {
      await attach();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The answers that this stream was to carry will never come: says so instead of letting the client wait. */
  private answerLost({ key }: StreamRef, connection: SseConnection): void {
    for (const id of requestIdsOf(key)) {
      const answer = errorResponse(
        id,
        JsonRpcErrorCode.ServerError,
        'The response was lost; send the request again',
      );
      connection.enqueue(Buffer.from(messageFrame(answer)));
    }
    connection.close();
  }

  private inBackground(sessionId: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.logger.error(`A stream of session ${logSafeId(sessionId)} could not be released`, error);
    });
  }
}
