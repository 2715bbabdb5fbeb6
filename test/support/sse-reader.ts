import { within } from './eventually.js';

export interface SseEvent {
  id?: string;
  event?: string;
  /** Absent if the event has no data line; empty for a priming event. */
  data?: string;
  retry?: number;
  comments: string[];
}

export interface RpcMessage {
  jsonrpc: '2.0';
  id?: string | number | null;
  method?: string;
  // What a test looks into differs from message to message.
  // oxlint-disable-next-line typescript/no-explicit-any
  params?: any;
  // oxlint-disable-next-line typescript/no-explicit-any
  result?: any;
  error?: { code: number; message: string };
}

/** Reads the events of one SSE response, comments and all. */
export class SseReader {
  readonly events: SseEvent[] = [];
  /** Resolves when the stream has ended: to whether it ended properly. */
  readonly ended: Promise<boolean>;
  private taken = 0;
  private waiting: (() => void)[] = [];
  private isOver = false;

  constructor(
    readonly response: Response,
    private readonly controller: AbortController,
  ) {
    this.ended = this.read().finally(() => {
      this.isOver = true;
      this.wake();
    });
  }

  /** The next block of the stream, or `undefined` at its end. */
  async next(): Promise<SseEvent | undefined> {
    return within('the next event', this.take());
  }

  /** The next JSON-RPC message, past priming events and comments; `undefined` at the end. */
  async nextMessage(): Promise<RpcMessage | undefined> {
    for (;;) {
      const event = await this.next();
      if (!event) return undefined;
      if (event.data && event.event !== 'endpoint') return JSON.parse(event.data) as RpcMessage;
    }
  }

  /** All messages up to the end of the stream. */
  async rest(): Promise<RpcMessage[]> {
    const messages: RpcMessage[] = [];
    for (let message = await this.nextMessage(); message; message = await this.nextMessage()) {
      messages.push(message);
    }
    return messages;
  }

  /** The id of the last event that was read from the network. */
  get lastEventId(): string | undefined {
    return this.events.findLast((event) => event.id !== undefined)?.id;
  }

  get messages(): RpcMessage[] {
    return this.events
      .filter((event) => event.data && event.event !== 'endpoint')
      .map((event) => JSON.parse(event.data!) as RpcMessage);
  }

  get comments(): string[] {
    return this.events.flatMap((event) => event.comments);
  }

  /** Hangs up. */
  async close(): Promise<void> {
    this.controller.abort();
    await this.ended;
  }

  private async take(): Promise<SseEvent | undefined> {
    while (this.taken >= this.events.length) {
      if (this.isOver) return undefined;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.taken += 1;
    return this.events[this.taken - 1];
  }

  private async read(): Promise<boolean> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body!) {
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        this.events.push(...blocks.map(parseBlock));
        this.wake();
      }
      return true;
    } catch {
      return false; // Cut off, by either side.
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function parseBlock(block: string): SseEvent {
  const event: SseEvent = { comments: [] };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line)!;
    if (field === '') event.comments.push(value!);
    else if (field === 'id') event.id = value;
    else if (field === 'event') event.event = value;
    else if (field === 'retry') event.retry = Number(value);
    else if (field === 'data') data.push(value!);
    else throw new Error(`Not an SSE line: ${line}`);
  }
  if (data.length > 0) event.data = data.join('\n');
  return event;
}
