import { messageFrame } from '../streams/sse-frame.js';
import { MAIN_STREAM_KEY, type ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { allSettled } from '../common/all-settled.js';
import { errorResponse, isRequest, isResponse, JsonRpcErrorCode, type JsonRpcRequest } from './json-rpc.js';
import { invalidRequest, tooManyRequests } from './mcp-request.errors.js';
import type { JsonRpcMessage, MessageExtra, RequestId, Transport } from './mcp-server.interface.js';
import { OutboundRequests } from './outbound-requests.js';
import { JsonReply, type Reply } from './reply.js';

interface InboundRequest {
  request: JsonRpcRequest;
  reply: Reply;
  /** Asked by this library, not by the client. */
  internal: boolean;
}

/** Watches the client's requests for what the session has to remember of them. */
export interface RequestObserver {
  /** Why the request cannot be taken; `undefined` if it can. */
  refusal(request: JsonRpcRequest): string | undefined;
  /** Called with each answer before it is sent: what has to be remembered is stored first. */
  answered(request: JsonRpcRequest, answer: JsonRpcMessage): Promise<void>;
}

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
  private muted = false;
  private internalRequests = 0;
  /** Answers on their way to their streams. */
  private replying = 0;

  /** @param maxRequests requests of the client that may be in progress at a time */
  constructor(
    readonly sessionId: string,
    private readonly streams: ResumableStreamManager,
    private readonly observer: RequestObserver,
    private readonly maxRequests: number,
  ) {}

  /** Whether anybody waits: the client for an answer, or the server object for the client's. */
  get isBusy(): boolean {
    return this.inbound.size > 0 || this.replying > 0 || this.outbound.size > 0;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Whether a request of the client with this method is in progress. */
  isHandling(method: string): boolean {
    return [...this.inbound.values()].some(({ request, internal }) => !internal && request.method === method);
  }

  async start(): Promise<void> {}

  /**
   * Hands a client's message to the server object.
   *
   * @param reply where the answer goes, if the message is a request
   * @throws McpRequestError a request with this id is still in progress, or too many are
   */
  async receive(message: JsonRpcMessage, extra: MessageExtra, reply: Reply): Promise<void> {
    if (isRequest(message)) {
      this.assertAcceptable([message.id]);
      const refusal = this.observer.refusal(message);
      if (refusal === undefined)
        return this.receiveRequest({ request: message, reply, internal: false }, extra);
      await reply.send(errorResponse(message.id, JsonRpcErrorCode.InvalidParams, refusal));
      return;
    }
    if (isResponse(message)) return this.receiveResponse(message);
    return this.receiveNotification(message, extra);
  }

  /** As `receive`, for a notification that another instance received. */
  async receiveSignalled(message: JsonRpcMessage): Promise<void> {
    const isForeign =
      message.method === 'notifications/cancelled' &&
      !this.inbound.has(message.params?.requestId as RequestId);
    if (!this.closed && !isForeign) await this.receiveNotification(message, {});
  }

  /** @throws McpRequestError a request with one of these ids is still in progress, or too many are */
  assertAcceptable(ids: readonly RequestId[]): void {
    if (ids.some((id) => this.inbound.has(id))) {
      throw invalidRequest(
        'A request with this id is still in progress; ids must not be reused within a session',
      );
    }
    if (this.inbound.size + ids.length > this.maxRequests) {
      throw tooManyRequests(`This session has reached the limit of ${this.maxRequests} requests in progress`);
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
    this.receiveRequest({ request: { jsonrpc: '2.0', id, method, params }, reply, internal: true }, extra);
    const [answer] = await reply.responses;
    return answer ?? errorResponse(id, JsonRpcErrorCode.InternalError, 'No answer');
  }

  /** While this runs, the server object's notifications go nowhere: the client has had them before. */
  async withoutNotifications(work: () => Promise<void>): Promise<void> {
    this.muted = true;
    try {
      await work();
    } finally {
      this.muted = false;
    }
  }

  async send(
    message: JsonRpcMessage,
    { relatedRequestId }: { relatedRequestId?: RequestId } = {},
  ): Promise<void> {
    if (this.closed) throw new Error('The session transport is closed');
    if (isResponse(message)) return this.sendResponse(message);
    if (this.muted && !isRequest(message)) return;
    const prepared = this.prepared.then(() => this.prepareOutgoing(message));
    this.prepared = prepared.catch(() => undefined);
    const outgoing = await prepared;
    const related = relatedRequestId === undefined ? undefined : this.inbound.get(relatedRequestId);
    try {
      if (related && (await related.reply.send(outgoing))) return;
      await this.streams.append({ sessionId: this.sessionId, key: MAIN_STREAM_KEY }, messageFrame(outgoing));
    } catch (error) {
      if (isRequest(outgoing)) this.outbound.settle(outgoing);
      throw error;
    }
  }

  /** Ends the transport; requests in progress are answered with an error rather than left hanging. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const unanswered = [...this.inbound.values()];
    this.inbound.clear();
    this.outbound.clear();
    this.onclose?.();
    const answers = unanswered.map((inbound) => this.answerClosed(inbound));
    await allSettled(answers, 'Requests in progress could not be answered');
  }

  private receiveRequest(inbound: InboundRequest, extra: MessageExtra): void {
    const { request } = inbound;
    if (this.closed) {
      void this.answerClosed(inbound).catch((error: Error) => this.onerror?.(error));
      return;
    }
    this.inbound.set(request.id, inbound);
    try {
      this.onmessage?.(request, extra);
    } catch (error) {
      this.inbound.delete(request.id);
      throw error;
    }
  }

  private async answerClosed({ request, reply }: InboundRequest): Promise<void> {
    await reply.send(errorResponse(request.id, JsonRpcErrorCode.ServerError, 'Connection closed'));
  }

  private async receiveNotification(message: JsonRpcMessage, extra: MessageExtra): Promise<void> {
    if (message.method === 'notifications/progress') {
      const restored = this.outbound.restoreProgressToken(message);
      // A token that is not known here belongs to a request of another instance.
      if (restored) this.onmessage?.(restored, extra);
      return;
    }
    this.onmessage?.(message, extra);
    if (message.method === 'notifications/cancelled') {
      await this.cancelInbound(message.params?.requestId as RequestId);
    }
  }

  private async receiveResponse(message: JsonRpcMessage): Promise<void> {
    if (message.id === undefined || message.id === null) return; // An error that answers no request in particular.
    const response = { ...message, id: message.id };
    const answer = this.outbound.settle(response);
    if (answer) return this.onmessage?.(answer);
    // Not asked here: by another instance, or by nobody any more. Only the stream manager can know which.
    await this.streams.forwardInboundResponse?.(response, this.sessionId);
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
    if (this.inbound.get(answer.id) !== answered) return; // It was cancelled, or answered by `close`, meanwhile.
    this.inbound.delete(answer.id);
    this.replying += 1;
    try {
      await answered.reply.send(observed);
    } finally {
      this.replying -= 1;
    }
  }

  /** The answer, once the session has stored what it has to remember of it; an error if it could not. */
  private async observed(
    { request, internal }: InboundRequest,
    answer: JsonRpcMessage,
  ): Promise<JsonRpcMessage> {
    if (internal) return answer;
    try {
      await this.observer.answered(request, answer);
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
}
