import { messageFrame } from '../streams/sse-frame.js';
import type { ResumableStreamManager, StreamRef } from '../streams/stream-manager.interface.js';
import { isResponse } from './json-rpc.js';
import type { JsonRpcMessage, RequestId } from './mcp-server.interface.js';

/** Where the answers to one POST's requests go, and whatever else the server sends about them. */
export interface Reply {
  /** @returns `false` if this reply has no place for the message, which then goes to the session's main stream */
  send(message: JsonRpcMessage): Promise<boolean>;
  /** The request will get no answer: it was cancelled. */
  cancel(requestId: RequestId): Promise<void>;
}

/** Answers on an SSE stream of the POST's own, which ends behind the last answer. */
export class StreamReply implements Reply {
  private readonly open: Set<RequestId>;

  constructor(
    private readonly streams: ResumableStreamManager,
    readonly stream: StreamRef,
    requestIds: RequestId[],
  ) {
    this.open = new Set(requestIds);
  }

  async send(message: JsonRpcMessage): Promise<boolean> {
    if (this.open.size === 0) return false;
    if (isResponse(message)) this.open.delete(message.id);
    await this.streams.append(this.stream, messageFrame(message), { last: this.open.size === 0 });
    return true;
  }

  async cancel(requestId: RequestId): Promise<void> {
    if (!this.open.delete(requestId) || this.open.size > 0) return;
    await this.streams.append(this.stream, '', { last: true });
  }
}

/** Answers with one JSON body, once all answers are there. */
export class JsonReply implements Reply {
  /** The answers, in the order of the requests; without those that were cancelled. */
  readonly responses: Promise<JsonRpcMessage[]>;
  private readonly open: Set<RequestId>;
  private readonly answers: JsonRpcMessage[] = [];
  private resolve!: (responses: JsonRpcMessage[]) => void;

  constructor(requestIds: RequestId[]) {
    this.open = new Set(requestIds);
    this.responses = new Promise((resolve) => (this.resolve = resolve));
  }

  async send(message: JsonRpcMessage): Promise<boolean> {
    if (!isResponse(message)) return false;
    this.open.delete(message.id);
    this.answers.push(message);
    this.settleIfComplete();
    return true;
  }

  async cancel(requestId: RequestId): Promise<void> {
    this.open.delete(requestId);
    this.settleIfComplete();
  }

  private settleIfComplete(): void {
    if (this.open.size === 0) this.resolve(this.answers);
  }
}

/** Has no place of its own: everything goes to the session's main stream, as HTTP+SSE has it. */
export const MAIN_STREAM_REPLY: Reply = {
  send: () => Promise.resolve(false),
  cancel: () => Promise.resolve(),
};
