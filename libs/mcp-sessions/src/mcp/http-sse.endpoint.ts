import type { Request, Response } from 'express';
import { of } from 'rxjs';
import { endpointFrame } from '../streams/sse-frame.js';
import { MAIN_STREAM_KEY } from '../streams/stream-manager.interface.js';
import type { ClientStreams } from './client-streams.js';
import { assertProtocolVersion, HttpMessageExtra } from './http-request.js';
import { assertBatchAllowed, parseMessages, requestIds } from './incoming-messages.js';
import type { McpEndpointOptions } from './mcp-endpoint-options.interface.js';
import { sseReply, type McpReply } from './mcp-reply.js';
import { badRequest, notAcceptable, sessionNotFound } from './mcp-request.errors.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import { accepts, SSE_TYPE } from './media-type.js';
import type { Readiness } from './readiness.js';
import { MainStreamReply } from './reply.js';
import type { RequestBodies } from './request-bodies.js';
import type { SessionAccess } from './session-access.js';
import type { SessionRelay } from './session-relay.js';

const ACCEPTED: McpReply = {
  status: 202,
  headers: { 'Content-Type': 'text/plain' },
  frames: of(Buffer.from('Accepted')),
};

/**
 * HTTP+SSE, revision 2024-11-05 (basic/transports, HTTP with SSE). The stream is the session: it ends with the
 * connection.
 */
export class HttpSseEndpoint {
  constructor(
    private readonly options: McpEndpointOptions,
    private readonly bodies: RequestBodies,
    private readonly access: SessionAccess,
    private readonly lifecycle: SessionLifecycle,
    private readonly streams: ClientStreams,
    private readonly readiness: Readiness,
    private readonly relay: SessionRelay,
  ) {}

  async get(request: Request, response: Response): Promise<McpReply> {
    if (!accepts(request.headers.accept, SSE_TYPE)) {
      throw notAcceptable(`Not Acceptable: the client must accept ${SSE_TYPE}`);
    }
    this.readiness.assertReady();
    const principal = this.options.principal(request);
    this.streams.admit({ principal });
    const sessionId = await this.access.openSse(principal);
    try {
      // Once more: opening took time, and others may have come, or the shutdown.
      this.readiness.assertReady();
      this.streams.admit({ principal });
    } catch (error) {
      await this.lifecycle.end(sessionId);
      throw error;
    }
    const stream = { sessionId, key: MAIN_STREAM_KEY };
    const connection = this.streams.connect(stream, principal, response, () =>
      this.streams.inBackground(sessionId, this.lifecycle.end(sessionId)),
    );
    try {
      if (!response.closed) connection.enqueueText(endpointFrame(messagesUri(request, sessionId)));
      await this.streams.manager.open(stream, connection);
      // It may have ended before it was attached: then its session is to end once more.
      if (response.closed) await this.lifecycle.end(sessionId);
    } catch (error) {
      connection.close();
      await this.lifecycle.end(sessionId);
      throw error;
    }
    return sseReply(connection, { headFirst: true });
  }

  async post(request: Request): Promise<McpReply> {
    const { sessionId } = request.query;
    if (typeof sessionId !== 'string' || sessionId === '') {
      throw badRequest('Bad Request: the query parameter sessionId is required');
    }
    const incoming = parseMessages(this.bodies.bodyOf(request), this.options.limits.batch);
    const metadata = await this.access.find(sessionId, this.options.principal(request), 'sse');
    // Without its stream nothing can be answered. The session is left alone: while Redis or an instance hiccups, its
    // stream may be there all the same, and otherwise it expires.
    if (!(await this.streams.manager.has(sessionId))) throw sessionNotFound();
    assertProtocolVersion(request, metadata.protocolVersion);
    assertBatchAllowed(incoming, metadata.protocolVersion);
    const extra = new HttpMessageExtra(request);
    if (requestIds(incoming.messages).length === 0) {
      await this.relay.relay(sessionId, metadata, incoming.messages, extra);
      return ACCEPTED;
    }
    this.readiness.assertReady();
    await this.relay.tellOthers(sessionId, incoming.messages);
    const runtime = await this.access.runtime(sessionId, metadata);
    try {
      const stream = { sessionId, key: MAIN_STREAM_KEY };
      const onLost = (): void => this.streams.release(stream);
      const reply = new MainStreamReply(this.streams.manager, runtime.backlog, stream, onLost);
      await runtime.receiveAll(incoming.messages, extra, reply);
    } catch (error) {
      if (runtime.transport.isClosed) await this.access.assertStillThere(sessionId);
      throw error;
    } finally {
      this.access.release(runtime);
    }
    return ACCEPTED;
  }
}

/** Where to POST, as the client sees it: beside the path that it sent its GET to. */
function messagesUri(request: Request, sessionId: string): string {
  const path = request.originalUrl.split('?', 1)[0]!.replace(/\/+$/, '');
  return `${path.slice(0, path.lastIndexOf('/'))}/messages?sessionId=${encodeURIComponent(sessionId)}`;
}
