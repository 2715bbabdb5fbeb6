import { Observable, type Subscriber } from 'rxjs';
import type { StreamController } from './stream-manager.interface.js';

/** Bytes that are written out at once instead of at the end of the tick. */
const EARLY_FLUSH_BYTES = 64 * 1024;

/** Whom a connection counts for. */
export interface SseConnectionOwner {
  sessionId: string;
  principal: string | undefined;
}

/** What a connection needs of the place that keeps all of them. */
export interface SseConnectionHost {
  /** Asks for `flush` once, at the end of this tick. */
  scheduleFlush(connection: SseConnection): void;
  /** The connection has ended, whoever ended it. */
  ended(connection: SseConnection): void;
}

/**
 * One SSE connection: a stream manager enqueues frames, the response writer subscribes. What is enqueued in one
 * tick is emitted as one chunk, since a joined write costs a fraction of many (design.md, Streams).
 */
export class SseConnection extends Observable<Uint8Array> implements StreamController {
  /** Whether anything was enqueued since the last keep-alive round. */
  active = true;
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private subscriber: Subscriber<Uint8Array> | undefined;
  /** Whether something was enqueued in this tick: nobody is slow to read what was only just sent. */
  private fresh = false;
  private closing = false;

  /**
   * @param maxBufferedBytes bytes that may wait for the client before the connection counts as slow
   * @param bufferedBytes bytes that the response holds back because the client does not read
   * @param onEnd called once the connection has ended, whoever ended it
   */
  constructor(
    readonly owner: SseConnectionOwner,
    private readonly host: SseConnectionHost,
    private readonly maxBufferedBytes: number,
    private readonly bufferedBytes: () => number,
    private readonly onEnd: (connection: SseConnection) => void,
  ) {
    super((subscriber) => this.attach(subscriber));
  }

  get desiredSize(): number {
    return this.maxBufferedBytes - this.pendingBytes - this.bufferedBytes();
  }

  enqueue(chunk: Uint8Array): void {
    if (this.closing) throw new Error('The connection has ended');
    this.active = true;
    this.fresh = true;
    if (this.pending.length === 0) this.host.scheduleFlush(this);
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    if (this.pendingBytes >= EARLY_FLUSH_BYTES) this.emitPending();
  }

  /**
   * Ends the connection once what is pending has been written. A client that reads too slowly to take that is cut
   * off instead: it resumes behind the last event it has read. A large last event alone makes nobody slow.
   */
  close(): void {
    if (this.closing) return;
    const tooSlow = this.desiredSize <= 0 && !this.fresh;
    this.emitPending();
    if (this.closing) return; // The client hung up on that.
    this.closing = true;
    if (tooSlow) this.subscriber?.error(new SlowReaderError());
    else this.subscriber?.complete();
    this.end();
  }

  /** Called at the end of a tick: emits what is pending. */
  flush(): void {
    if (this.subscriber) this.fresh = false;
    this.emitPending();
  }

  /** Emits what is pending as one chunk; an empty one if there is nothing, so that the headers go out. */
  private emitPending(): void {
    if (!this.subscriber || this.closing) return;
    const { pending } = this;
    const chunk = pending.length === 1 ? pending[0]! : Buffer.concat(pending, this.pendingBytes);
    this.pending = [];
    this.pendingBytes = 0;
    this.subscriber.next(chunk);
  }

  private attach(subscriber: Subscriber<Uint8Array>): () => void {
    this.subscriber = subscriber;
    if (this.closing) {
      for (const chunk of this.pending) subscriber.next(chunk);
      subscriber.complete();
    } else {
      this.host.scheduleFlush(this);
    }
    return () => this.hungUp();
  }

  private hungUp(): void {
    this.pending = [];
    if (this.closing) return;
    this.closing = true;
    this.end();
  }

  private end(): void {
    this.host.ended(this);
    this.onEnd(this);
  }
}

/** The client did not read what was sent to it. */
export class SlowReaderError extends Error {
  constructor() {
    super('The client reads too slowly');
    this.name = 'SlowReaderError';
  }
}
