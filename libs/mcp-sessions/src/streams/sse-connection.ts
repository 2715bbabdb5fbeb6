import { Observable, Subscriber, Subscription, type Observer } from 'rxjs';
import { bytesOf } from './sse-frame.js';
import type { StreamController, StreamRef } from './stream-manager.interface.js';

/** Bytes that are emitted at once instead of at the end of the tick: joining more to them would save little. */
const EARLY_EMISSION = 4 * 1024;

/** The response of a connection, as far as the connection looks at it. */
export interface SseResponse {
  /** Bytes held back because the client does not read. */
  readonly writableLength: number;
  readonly socket: { readonly writableLength: number } | null;
}

/** What a connection needs of the place that keeps all of them. */
export interface SseConnectionHost {
  /** Bytes that may wait for the client before a connection counts as slow. */
  readonly maxBufferedBytes: number;
  /** Asks for `flush` once, at the end of this tick. */
  scheduleFlush(connection: SseConnection): void;
  /** The connection has ended, whoever ended it. */
  ended(connection: SseConnection): void;
}

/**
 * One SSE connection: a stream manager enqueues frames, the response writer subscribes. What is enqueued in one
 * tick is emitted as one chunk, since a joined write costs a fraction of many (design.md, Streams).
 *
 * It has one subscriber, which it keeps as it is: what an `Observable` otherwise makes of each subscription would add
 * 480 bytes to every idle stream (measured). Operators work as with any other.
 */
export class SseConnection extends Observable<string> implements StreamController {
  /** Whether anything was enqueued since the last keep-alive round. */
  active = true;
  /** The bytes enqueued since the last emission, each as one character. */
  private pending = '';
  /** What the response held back when the first of that was enqueued. */
  private heldBack = 0;
  private observer: Partial<Observer<string>> | undefined;
  /** Whether anything was emitted, and with it the head of the response. */
  private begun = false;
  /** Whether something was enqueued in this tick: nobody is slow to read what was only just sent. */
  private fresh = false;
  private closing = false;
  /** Characters of the priming event, which carries nothing. */
  private primed = 0;

  /**
   * @param stream what it is a connection of
   * @param principal whose it is
   * @param onEnd called once the connection has ended, whoever ended it
   */
  constructor(
    readonly stream: StreamRef,
    readonly principal: string | undefined,
    private readonly host: SseConnectionHost,
    private readonly response: SseResponse,
    private readonly onEnd: (connection: SseConnection) => void,
  ) {
    super();
  }

  /** Whether it ended without having carried anything but a priming event: there was nothing left to send. */
  get isEmpty(): boolean {
    return this.closing && this.pending.length === this.primed;
  }

  get desiredSize(): number {
    const heldBack = this.pending.length === 0 ? this.bufferedBytes : this.heldBack;
    return this.host.maxBufferedBytes - this.pending.length - heldBack;
  }

  /** What was enqueued before is emitted to the subscriber. */
  override subscribe(
    observerOrNext?: Partial<Observer<string>> | ((bytes: string) => void) | null,
  ): Subscription {
    this.observer = typeof observerOrNext === 'function' ? { next: observerOrNext } : (observerOrNext ?? {});
    const subscription = new Subscription(() => this.hungUp());
    if (observerOrNext instanceof Subscriber) observerOrNext.add(subscription);
    if (this.closing) {
      this.emit();
      this.tell((told) => told.complete?.());
    } else {
      this.host.scheduleFlush(this);
    }
    return subscription;
  }

  enqueue(chunk: Uint8Array): void {
    this.enqueueBinary(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'));
  }

  /** Enqueues the priming event, ahead of all others. */
  prime(text: string): void {
    this.primed = text.length;
    this.enqueueText(text);
  }

  enqueueText(text: string): void {
    this.enqueueBinary(bytesOf(text));
  }

  enqueueBinary(bytes: string): void {
    if (this.closing) throw new Error('The connection has ended');
    this.active = true;
    this.fresh = true;
    if (this.pending === '') {
      this.heldBack = this.bufferedBytes;
      this.host.scheduleFlush(this);
    }
    this.pending += bytes;
    if (this.pending.length >= EARLY_EMISSION) this.emitPending();
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
    this.tell((told) => (tooSlow ? told.error?.(new SlowReaderError()) : told.complete?.()));
    this.end();
  }

  /** Called at the end of a tick: emits what is pending, or once an empty chunk, so that the head goes out. */
  flush(): void {
    if (this.observer) this.fresh = false;
    if (this.pending !== '' || !this.begun) this.emitPending();
  }

  /** Emits what is pending as one chunk. */
  private emitPending(): void {
    if (this.observer && !this.closing) this.emit();
  }

  private emit(): void {
    const bytes = this.pending;
    this.pending = '';
    this.begun = true;
    this.tell((told) => told.next?.(bytes));
  }

  /** What an observer throws is thrown anew outside, as RxJS does, and disturbs nobody who enqueues or closes. */
  private tell(notify: (observer: Partial<Observer<string>>) => void): void {
    try {
      if (this.observer) notify(this.observer);
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  }

  private hungUp(): void {
    this.pending = '';
    this.observer = undefined;
    if (this.closing) return;
    this.closing = true;
    this.end();
  }

  private get bufferedBytes(): number {
    return (this.response.socket ?? this.response).writableLength;
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
