import { messageFrame } from '../streams/sse-frame.js';
import { MAIN_STREAM_KEY, type ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { errorResponse, isRequest, isResponse, JsonRpcErrorCode, type JsonRpcRequest } from './json-rpc.js';
import { invalidRequest } from './mcp-request.errors.js';
import type { JsonRpcMessage, MessageExtra, RequestId, Transport } from './mcp-server.interface.js';
import { OutboundRequests } from './outbound-requests.js';
import { JsonReply, type Reply } from './reply.js';

interface InboundRequest {
  request: JsonRpcRequest;
  reply: Reply;
  /** Asked by this library, not by the client. */
  internal: boolean;
}

/** Called with each answer before it is sent: what the session has to remember of it is stored first. */
export type AnswerObserver = (request: JsonRpcRequest, answer: JsonRpcMessage) => Promise<void> | void;

/**
 * The transport of one session on one instance: takes the client's messages from any HTTP request, and sends the
 * server object's messages to the stream they belong to, wherever that stream is held.
 */
export class SessionTransport implements Transport {
  onmessage?: (message: JsonRpcMessage, extra?: MessageExtra) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;

  private readonly inbound = new Map<RequestId, InboundRequest>();
  private readonly outbound = new OutboundRequests();
  /** Keeps messages in order although some of them have to be prepared first. */
  private prepared: Promise<unknown> = Promise.resolve();
  private closed = false;
  private internalRequests = 0;

  constructor(
    readonly sessionId: string,
    private readonly streams: ResumableStreamManager,
    private readonly observeAnswer: AnswerObserver,
  ) {}

  /** Whether anybody waits: the client for an answer, or the server object for the client's. */
  get isBusy(): boolean {
    return this.inbound.size > 0 || this.outbound.size > 0;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  async start(): Promise<void> {}

  /**
   * Hands a client's message to the server object.
   *
   * @param reply where the answer goes, if the message is a request
   * @throws McpRequestError a request with this id is still in progress
   */
  async receive(message: JsonRpcMessage, extra: MessageExtra, reply: Reply): Promise<void> {
    if (isRequest(message))
      return this.receiveRequest(message, extra, { request: message, reply, internal: false });
    if (isResponse(message)) return this.receiveResponse(message);
    if (message.method === 'notifications/progress') {
      return this.onmessage?.(this.outbound.restoreProgressToken(message), extra);
    }
    this.onmessage?.(message, extra);
    if (message.method === 'notifications/cancelled') {
      await this.cancelInbound(message.params?.requestId as RequestId);
    }
  }

  /** @throws McpRequestError a request with one of these ids is still in progress */
  assertUnused(ids: readonly RequestId[]): void {
    if (ids.some((id) => this.inbound.has(id))) {
      throw invalidRequest(
        'A request with this id is still in progress; ids must not be reused within a session',
      );
    }
  }

  /** Hands the server object an answer that another instance received. */
  receiveForwarded(message: JsonRpcMessage): void {
    const answer = isResponse(message) ? this.outbound.settle(message) : undefined;
    if (answer) this.onmessage?.(answer);
  }

  /** Asks the server object something on the session's own behalf; the client sees nothing of it. */
  async ask(
    method: string,
    params: Record<string, unknown>,
    extra: MessageExtra = {},
  ): Promise<JsonRpcMessage> {
    this.internalRequests += 1;
    const id = `nestjs-mcp-sessions:${this.internalRequests}`;
    const reply = new JsonReply([id]);
    const request = { jsonrpc: '2.0' as const, id, method, params };
    this.receiveRequest(request, extra, { request, reply, internal: true });
    const [answer] = await reply.responses;
    return answer ?? errorResponse(id, JsonRpcErrorCode.InternalError, 'No answer');
  }

  async send(
    message: JsonRpcMessage,
    { relatedRequestId }: { relatedRequestId?: RequestId } = {},
  ): Promise<void> {
    if (this.closed) throw new Error('The session transport is closed');
    if (isResponse(message)) return this.sendResponse(message);
    const prepared = this.prepared.then(() => this.prepareOutgoing(message));
    this.prepared = prepared.catch(() => undefined);
    const outgoing = await prepared;
    const related = relatedRequestId === undefined ? undefined : this.inbound.get(relatedRequestId);
    if (related && (await related.reply.send(outgoing))) return;
    await this.sendToMainStream(outgoing);
  }

  /** Ends the transport; requests in progress are answered with an error rather than left hanging. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const unanswered = [...this.inbound.values()];
    this.inbound.clear();
    this.outbound.clear();
    this.onclose?.();
    for (const { request, reply } of unanswered) {
      const answer = errorResponse(request.id, JsonRpcErrorCode.ServerError, 'Connection closed');
      if (!(await reply.send(answer))) await this.sendToMainStream(answer);
    }
  }

  private receiveRequest(request: JsonRpcRequest, extra: MessageExtra, inbound: InboundRequest): void {
    this.assertUnused([request.id]);
    this.inbound.set(request.id, inbound);
    this.onmessage?.(request, extra);
  }

  private async receiveResponse(message: JsonRpcMessage & { id: RequestId }): Promise<void> {
    const answer = this.outbound.settle(message);
    if (answer) return this.onmessage?.(answer);
    // Not asked here: by another instance, or by nobody any more. Only the stream manager can know which.
    await this.streams.forwardInboundResponse?.(message as { id: RequestId }, this.sessionId);
  }

  private async cancelInbound(requestId: RequestId): Promise<void> {
    const cancelled = this.inbound.get(requestId);
    if (!cancelled) return;
    this.inbound.delete(requestId);
    await cancelled.reply.cancel(requestId);
  }

  private async sendResponse(answer: JsonRpcMessage & { id: RequestId }): Promise<void> {
    const answered = this.inbound.get(answer.id);
    if (!answered) return; // The client cancelled the request.
    const prepared = this.prepared.then(() => this.observed(answered, answer));
    this.prepared = prepared;
    const observed = await prepared;
    this.inbound.delete(answer.id);
    if (!(await answered.reply.send(observed))) await this.sendToMainStream(observed);
  }

  /** The answer, once the session has stored what it has to remember of it; an error if it could not. */
  private async observed(
    { request, internal }: InboundRequest,
    answer: JsonRpcMessage,
  ): Promise<JsonRpcMessage> {
    if (internal) return answer;
    try {
      await this.observeAnswer(request, answer);
      return answer;
    } catch (error) {
      this.onerror?.(error as Error);
      return errorResponse(request.id, JsonRpcErrorCode.InternalError, 'The session could not be stored');
    }
  }

  private async prepareOutgoing(message: JsonRpcMessage): Promise<JsonRpcMessage> {
    if (message.method === 'notifications/cancelled') return this.outbound.cancel(message);
    if (!isRequest(message)) return message;
    const outgoing = this.outbound.register(message);
    try {
      await this.streams.registerOutboundRequest?.(outgoing.id, this.sessionId);
    } catch (error) {
      this.outbound.settle(outgoing);
      throw error;
    }
    return outgoing;
  }

  private async sendToMainStream(message: JsonRpcMessage): Promise<void> {
    await this.streams.append({ sessionId: this.sessionId, key: MAIN_STREAM_KEY }, messageFrame(message));
  }
}
