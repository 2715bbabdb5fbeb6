import type { Request, Response } from 'express';
import { MAIN_STREAM_KEY } from '../streams/stream-manager.interface.js';
import type { SessionMetadata } from '../session-store/session-store.interface.js';
import type { ClientStreams, ResumedStream, StreamOwner } from './client-streams.js';
import {
  assertProtocolVersion,
  HttpMessageExtra,
  lastEventIdOf,
  SESSION_HEADER,
  sessionIdOf,
} from './http-request.js';
import { assertBatchAllowed, parseMessages, requestIds, type IncomingMessages } from './incoming-messages.js';
import { isRequest, type JsonRpcRequest } from './json-rpc.js';
import type { McpEndpointOptions } from './mcp-endpoint-options.interface.js';
import { emptyReply, jsonReply, sseReply, type McpReply } from './mcp-reply.js';
import { badRequest, invalidRequest, notAcceptable } from './mcp-request.errors.js';
import type { JsonRpcMessage } from './mcp-server.interface.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import { accepts, JSON_TYPE, SSE_TYPE } from './media-type.js';
import type { Readiness } from './readiness.js';
import { JsonReply, StreamReply } from './reply.js';
import type { RequestBodies } from './request-bodies.js';
import { RequestStreamKeys } from './request-stream-key.js';
import type { SessionAccess } from './session-access.js';
import type { SessionRelay } from './session-relay.js';
import type { SessionRuntime } from './session-runtime.js';

/** The session that a request names and may use. */
interface NamedSession extends StreamOwner {
  metadata: SessionMetadata;
}

/** Streamable HTTP with sessions, revisions 2025-03-26 to 2025-11-25 (basic/transports, Streamable HTTP). */
export class StreamableHttpEndpoint {
  private readonly streamKeys = new RequestStreamKeys();

  constructor(
    private readonly options: McpEndpointOptions,
    private readonly bodies: RequestBodies,
    private readonly access: SessionAccess,
    private readonly lifecycle: SessionLifecycle,
    private readonly streams: ClientStreams,
    private readonly readiness: Readiness,
    private readonly relay: SessionRelay,
  ) {}

  async post(request: Request, response: Response): Promise<McpReply> {
    if (!accepts(request.headers.accept, JSON_TYPE, SSE_TYPE)) {
      throw notAcceptable(`Not Acceptable: the client must accept both ${JSON_TYPE} and ${SSE_TYPE}`);
    }
    const incoming = parseMessages(this.bodies.bodyOf(request), this.options.limits.batch);
    const [first] = incoming.messages;
    if (!incoming.isBatch && isRequest(first!) && first.method === 'initialize') {
      return this.initialize(first, request);
    }
    const session = await this.session(request);
    assertBatchAllowed(incoming, session.metadata.protocolVersion);
    return this.deliver(incoming, session, request, response);
  }

  async get(request: Request, response: Response): Promise<McpReply> {
    if (!accepts(request.headers.accept, SSE_TYPE)) {
      throw notAcceptable(`Not Acceptable: the client must accept ${SSE_TYPE}`);
    }
    const session = await this.session(request);
    this.readiness.assertReady();
    this.streams.admit(session);
    const after = lastEventIdOf(request);
    const { connection, isOver } = await this.connect(session, after, response);
    try {
      await this.access.assertStillThere(session.sessionId);
    } catch (error) {
      connection.close();
      throw error;
    }
    // The SDKs' clients come back for ever to a stream that ends without a response, and by the second time they have
    // lost its id and take the main stream. 204 tells an EventSource, and them, that there is nothing to come back for.
    if (isOver) return emptyReply(204);
    return sseReply(connection, { headFirst: true });
  }

  async delete(request: Request): Promise<McpReply> {
    const { sessionId } = await this.session(request);
    await this.lifecycle.end(sessionId);
    return emptyReply(200);
  }

  private async session(request: Request): Promise<NamedSession> {
    const sessionId = sessionIdOf(request);
    if (sessionId === undefined) {
      assertProtocolVersion(request);
      throw badRequest(`Bad Request: the ${SESSION_HEADER} header is required`);
    }
    const principal = this.options.principal(request);
    const metadata = await this.access.find(sessionId, principal, 'streamable-http');
    assertProtocolVersion(request, metadata.protocolVersion);
    return { sessionId, principal, metadata };
  }

  private async connect(
    session: NamedSession,
    after: string | undefined,
    response: Response,
  ): Promise<ResumedStream> {
    const { protocolVersion } = session.metadata;
    if (after !== undefined) return this.streams.resume(session, after, response, protocolVersion);
    const { connection } = await this.streams.open(session, MAIN_STREAM_KEY, response, protocolVersion);
    return { connection, isOver: false };
  }

  /**
   * Opens a session. Answered as JSON in every mode: one message, and a client that loses it has no session yet
   * which it could resume.
   */
  private async initialize(message: JsonRpcRequest, request: Request): Promise<McpReply> {
    if (sessionIdOf(request) !== undefined) {
      await this.session(request);
      throw invalidRequest('Invalid Request: the session is initialized already');
    }
    this.readiness.assertReady();
    const principal = this.options.principal(request);
    const extra = new HttpMessageExtra(request);
    const { answer, sessionId } = await this.access.open(message, principal, extra);
    return jsonReply(200, answer, sessionId === undefined ? {} : { [SESSION_HEADER]: sessionId });
  }

  private async deliver(
    incoming: IncomingMessages,
    session: NamedSession,
    request: Request,
    response: Response,
  ): Promise<McpReply> {
    const { sessionId, metadata } = session;
    if (requestIds(incoming.messages).length === 0) {
      await this.relay.relay(sessionId, metadata, incoming.messages, new HttpMessageExtra(request));
      return emptyReply(202);
    }
    this.readiness.assertReady();
    await this.relay.tellOthers(sessionId, incoming.messages);
    const runtime = await this.access.runtime(sessionId, metadata);
    try {
      const extra = new HttpMessageExtra(request);
      if (this.options.responseMode === 'json') return await this.answerAsJson(incoming, runtime, extra);
      return await this.answerOnStream(incoming.messages, session, runtime, extra, response);
    } catch (error) {
      if (runtime.transport.isClosed) await this.access.assertStillThere(sessionId);
      throw error;
    } finally {
      this.access.release(runtime);
    }
  }

  /** Answers with one JSON body. All requests may have been cancelled: then there is nothing to answer with. */
  private async answerAsJson(
    { messages, isBatch }: IncomingMessages,
    runtime: SessionRuntime,
    extra: HttpMessageExtra,
  ): Promise<McpReply> {
    const reply = new JsonReply(requestIds(messages));
    await runtime.receiveAll(messages, extra, reply);
    const answers = await reply.responses;
    if (answers.length === 0) return emptyReply(202);
    return jsonReply(200, isBatch ? answers : answers[0]);
  }

  /** Answers on an SSE stream of the POST's own. */
  private async answerOnStream(
    messages: JsonRpcMessage[],
    session: NamedSession,
    runtime: SessionRuntime,
    extra: HttpMessageExtra,
    response: Response,
  ): Promise<McpReply> {
    this.streams.admit(session);
    const ids = requestIds(messages);
    const { sessionId } = session;
    const { protocolVersion } = session.metadata;
    const stream = { sessionId, key: this.streamKeys.next(ids) };
    const { connection, resumable } = await this.streams.open(session, stream.key, response, protocolVersion);
    if (resumable) {
      extra.closeSSEStream = () => this.streams.release(stream);
      extra.closeStandaloneSSEStream = () => this.streams.release({ sessionId, key: MAIN_STREAM_KEY });
    }
    const onLost = (): void => connection.close();
    const reply = new StreamReply(this.streams.manager, runtime.backlog, stream, ids, onLost);
    try {
      await runtime.receiveAll(messages, extra, reply);
      return sseReply(connection);
    } catch (error) {
      connection.close();
      await this.streams.abandon(stream);
      throw error;
    }
  }
}
