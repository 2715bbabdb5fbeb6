import { BroadcastBurst } from '../broadcast-burst.js';
import type { Retention } from '../event-log.js';
import { deliver, deliverBurst, deliverMissing, endConnection } from '../replay.js';
import { bytesOf, EVENTS_LOST_COMMENT } from '../sse-frame.js';
import type { Append, AppendListener, Appended } from './append-queue.js';
import { BroadcastMirror, formatPosition, type BroadcastTimes } from './broadcast-mirror.js';
import { HeldStreams } from './held-streams.js';
import type { HeldStream, IncomingEvent } from './held-stream.js';
import type { ReleaseQueue } from './release-queue.js';
import type { Release } from './stream-directory.interface.js';

const NOTHING: Retention = { maxEvents: 0, maxAgeMs: 0, maxChars: 0 };

/** What {@link StreamDelivery} leaves to others. */
export interface DeliveryHost {
  /** Something is missing: events of this stream, or broadcasts. */
  soon(stream: HeldStream | undefined): void;
  /** An event came for a stream that is not here. */
  astray(session: string, field: string): void;
}

/** Hands what comes for the streams on this instance to their connections, in order and once. */
export class StreamDelivery implements AppendListener {
  /** Times that a connection was told that events are lost. */
  eventsLost = 0;
  readonly held = new HeldStreams();
  readonly broadcasts: BroadcastMirror;
  private burst: BroadcastBurst | undefined;

  constructor(
    private readonly replay: Retention | undefined,
    readonly releases: ReleaseQueue,
    private readonly host: DeliveryHost,
  ) {
    this.broadcasts = new BroadcastMirror(
      replay ?? NOTHING,
      (data, offset) => this.addToBurst(data, offset),
      () => this.tellLostBroadcasts(),
    );
  }

  /** Whether events are kept for resuming. */
  get keepsEvents(): boolean {
    return this.replay !== undefined;
  }

  /** Takes an event for a stream; one that is held elsewhere by now has it from the log. */
  offer(session: string, field: string, event: IncomingEvent, isLast: boolean): void {
    if (!this.replay) return this.deliverOnce(session, field, event.data, isLast);
    if (!this.held.isHere(session, field)) return this.host.astray(session, field);
    this.held.withStream(session, field, (stream) => {
      if (stream.isFull || !stream.offer(event)) return this.host.soon(stream);
      if (isLast) stream.endsAt = event.offset;
      this.deliver(stream);
    });
  }

  /** What this instance appended to a stream of its own need not come back as a message. */
  onAppended({ session, field, texts, isLast, broadcast }: Append, appended: Appended): void {
    const { epoch, last, at, isHeldHere } = appended;
    let { previousAt } = appended;
    if (!isHeldHere) return this.checkSoon(session, field);
    if (texts.length === 0 && isLast) return this.end(session, field, epoch, last);
    for (const [index, text] of texts.entries()) {
      const offset = last - texts.length + 1 + index;
      const event = { epoch, offset, at, previousAt, broadcast, data: bytesOf(text) };
      previousAt = at;
      this.offer(session, field, event, isLast && index === texts.length - 1);
    }
  }

  onFailed({ session, field }: Append): void {
    this.checkSoon(session, field);
  }

  /** The stream ends behind the event at `offset`. */
  end(session: string, field: string, epoch: string, offset: number): void {
    this.held.withStream(session, field, (stream) => {
      if (!this.replay) return this.finish(stream);
      if (stream.epoch !== epoch) return this.host.soon(stream);
      stream.endsAt = offset;
      this.deliver(stream);
    });
  }

  /** Another connection has taken the stream over, or somebody wants this one closed. */
  lose(session: string, field: string, generation: number, isTaken: boolean): void {
    this.held.withStream(session, field, (stream) => {
      if (isTaken ? stream.generation >= generation : stream.generation > generation) return;
      if (isTaken) this.drop(stream);
      else this.finish(stream);
    });
  }

  /** The session has been deleted, and its stream with it. */
  deleted(session: string, field: string, epoch: string): void {
    this.held.withStream(session, field, (stream) => {
      if (stream.epoch === epoch) this.drop(stream);
    });
  }

  /** Takes broadcasts that a message brought. */
  receiveBroadcasts(epoch: string, first: number, times: BroadcastTimes, texts: string[]): void {
    if (!this.replay) return this.deliverToAll(texts.join(''));
    const isKnown = this.broadcasts.receive(epoch, first, times, texts);
    if (!isKnown || this.broadcasts.hasGap) this.host.soon(undefined);
    this.fanOut();
  }

  /** Hands the connection what the stream has, and lets go of the stream if that was the end of one of them. */
  deliver(stream: HeldStream): void {
    deliverMissing(stream, this.broadcasts.log);
    this.settle(stream);
  }

  /** Tells the connection that events are lost, if it takes that. */
  tellLost(stream: HeldStream, lastLost: number): void {
    this.eventsLost += 1;
    if (!deliver(stream, EVENTS_LOST_COMMENT)) return;
    if (lastLost > stream.delivered) Object.assign(stream, { delivered: lastLost, deliveredAt: 0 });
    stream.deliveredBroadcast = Math.max(stream.deliveredBroadcast, this.broadcasts.log.lastDropped);
  }

  /** Hands the broadcasts that have come to the connections. */
  fanOut(): void {
    const { burst } = this;
    if (!burst) return;
    this.burst = undefined;
    for (const stream of this.held.mains) {
      deliverBurst(stream, burst, this.broadcasts.log);
      this.settle(stream);
    }
  }

  /** The stream is held here no longer; whoever comes next goes on behind what was delivered. */
  letGo(stream: HeldStream): void {
    if (!this.forget(stream)) return;
    this.releases.add(this.releaseOf(stream));
    this.releases.tellSoon();
  }

  /** What Redis is to be told when the stream is let go of. */
  releaseOf({ session, field, claim, delivered, deliveredBroadcast }: HeldStream): Release {
    const broadcast = formatPosition({ epoch: this.broadcasts.epoch, offset: deliveredBroadcast });
    return { session, field, claim, position: { delivered, broadcast } };
  }

  /** Ends the connection, and lets go of the stream. */
  finish(stream: HeldStream): void {
    const { connection } = stream;
    this.letGo(stream);
    endConnection(connection);
  }

  /** Ends the connection of a stream that is held here no longer, which Redis knows or need not know. */
  drop(stream: HeldStream): void {
    const { connection } = stream;
    this.forget(stream);
    endConnection(connection);
  }

  /** The stream is held here no longer, which Redis knows or need not know. @returns whether it was held here */
  forget(stream: HeldStream): boolean {
    stream.connection = undefined;
    return this.held.remove(stream);
  }

  /** Without a log: hands the event to the first connection that there is. */
  private deliverOnce(session: string, field: string, data: string, isLast: boolean): void {
    let isDelivered = false;
    this.held.withStream(session, field, (stream) => {
      if (isDelivered) return;
      isDelivered = true;
      deliver(stream, data);
      if (isLast) this.finish(stream);
      else this.settle(stream);
    });
  }

  /** Without a log: hands the broadcasts to the connections that there are. */
  private deliverToAll(text: string): void {
    for (const stream of this.held.mains) {
      deliver(stream, text);
      this.settle(stream);
    }
  }

  /** Redis says, or may say, something else of this stream than is known here. */
  private checkSoon(session: string, field: string): void {
    const stream = this.held.find(session, field);
    if (stream) this.host.soon(stream);
  }

  /** After a delivery: the connection may be gone, the stream over, or something missing. */
  private settle(stream: HeldStream): void {
    stream.prune();
    if (!stream.connection) return this.letGo(stream);
    // The log knows that it has ended: there is nothing to tell.
    if (stream.isOver) this.drop(stream);
    else if (stream.isStuck) this.host.soon(stream);
  }

  private addToBurst(data: string, offset: number): void {
    if (!this.burst?.takes(data)) this.fanOut();
    if (!this.burst) {
      this.burst = new BroadcastBurst(offset - 1, this.replay?.maxEvents);
      // Those that a message brings go at once; those that were read from Redis, when all have been read.
      queueMicrotask(() => this.fanOut());
    }
    this.burst.add(data, offset);
  }

  /** Broadcasts that nobody here has had are no longer kept, or Redis has begun a new log of them. */
  private tellLostBroadcasts(): void {
    this.burst = undefined;
    for (const stream of this.held.mains) {
      stream.resetBroadcasts();
      this.tellLost(stream, 0);
      this.settle(stream);
    }
  }
}
