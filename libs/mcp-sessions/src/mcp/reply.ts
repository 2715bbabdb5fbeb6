import { messageFrame } from '../streams/sse-frame.js';
import type { ResumableStreamManager, StreamRef } from '../streams/stream-manager.interface.js';
import type { AnswerBacklog } from './answer-backlog.js';
import { isResponse } from './json-rpc.js';
import type { JsonRpcMessage, RequestId } from './mcp-server.interface.js';

/** Where the answers to one POST's requests go, and whatever else the server sends about them. */
export interface Reply {
  /** @returns `false` if there is no place here for a message that is no answer: it goes to the main stream then */
  send(message: JsonRpcMessage): Promise<boolean>;
  /** The request will get no answer: it was cancelled. */
  cancel(requestId: RequestId): Promise<void>;
}

/** Answers on an SSE stream of the POST's own, which ends behind the last answer. */
export class StreamReply implements Reply {
  private readonly open: Set<RequestId>;
  /** Keeps answers in order. */
  private put: Promise<unknown> = Promise.resolve();

  /** @param onLost called when an answer cannot be put on the stream: the client has to see that it breaks off */
  constructor(
    private readonly streams: ResumableStreamManager,
    private readonly backlog: AnswerBacklog,
    readonly stream: StreamRef,
    requestIds: RequestId[],
    private readonly onLost: () => void,
  ) {
    this.open = new Set(requestIds);
  }

  async send(message: JsonRpcMessage): Promise<boolean> {
    if (this.open.size === 0) return false;
    if (isResponse(message)) {
      this.open.delete(message.id!);
      await this.answer(message);
    } else {
      await this.streams.append(this.stream, messageFrame(message));
    }
    return true;
  }

  async cancel(requestId: RequestId): Promise<void> {
    if (this.open.delete(requestId) && this.open.size === 0) await this.answer(undefined);
  }

  private async answer(message: JsonRpcMessage | undefined): Promise<void> {
    const { stream, onLost } = this;
    const answer = { stream, message, last: this.open.size === 0, onLost };
    const put = this.put.then(() => this.backlog.put(answer));
    this.put = put.catch(() => undefined); // whoever answers is told
    await put;
  }
}

/** Answers with one JSON body, once all answers are there. */
export class JsonReply implements Reply {
  /** The answers, in the order in which they came; without those that were cancelled. */
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
    this.open.delete(message.id!);
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

/** Answers on the session's main stream, as HTTP+SSE has it. */
export class MainStreamReply implements Reply {
  /** @param onLost as with `StreamReply` */
  constructor(
    private readonly streams: ResumableStreamManager,
    private readonly backlog: AnswerBacklog,
    private readonly stream: StreamRef,
    private readonly onLost: () => void,
  ) {}

  async send(message: JsonRpcMessage): Promise<boolean> {
    const { stream, onLost } = this;
    if (isResponse(message)) await this.backlog.put({ stream, message, last: false, onLost });
    else await this.streams.append(stream, messageFrame(message));
    return true;
  }

  async cancel(): Promise<void> {}
}

/** For POSTs without requests: there is nothing to answer. */
export const NO_REPLY: Reply = {
  send: () => Promise.resolve(false),
  cancel: () => Promise.resolve(),
};
