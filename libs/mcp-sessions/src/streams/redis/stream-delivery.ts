import { BroadcastBurst } from '../broadcast-burst.js';
import type { Retention } from '../event-log.js';
import { deliver, deliverBurst, deliverMissing, endConnection } from '../replay.js';
import { EVENTS_LOST_COMMENT } from '../sse-frame.js';
import { BroadcastMirror, formatPosition } from './broadcast-mirror.js';
import { HeldStreams } from './held-streams.js';
import type { HeldStream, IncomingEvent } from './held-stream.js';
import type { ReleaseQueue } from './release-queue.js';

const NOTHING: Retention = { maxEvents: 0, maxAgeMs: 0, maxChars: 0 };

/** What {@link StreamDelivery} leaves to others. */
export interface DeliveryHost {
  /** Something is missing: events of this stream, or broadcasts. */
  onGap(stream: HeldStream | undefined): void;
  /** The releases that wait are to be told. */
  onReleased(): void;
}

/** Hands what comes for the streams on this instance to their connections, in order and once. */
export class StreamDelivery {
  /** Times that a connection was told that events are lost. */
  eventsLost = 0;
  readonly held = new HeldStreams();
  readonly broadcasts: BroadcastMirror;
  private burst: BroadcastBurst | undefined;

  constructor(
    private readonly replay: Retention | undefined,
    private readonly releases: ReleaseQueue,
    private readonly host: DeliveryHost,
  ) {
    this.broadcasts = new BroadcastMirror(
      replay ?? NOTHING,
      (data, offset) => this.addToBurst(data, offset),
      () => this.restartBroadcasts(),
    );
  }

  /** Takes an event for a stream; one that is held elsewhere by now has it from the log. */
  offer(session: string, field: string, event: IncomingEvent, isLast: boolean): void {
    this.held.withStream(session, field, (stream) => {
      if (!this.replay) return this.deliverAtOnce(stream, event.data, isLast);
      if (!stream.offer(event)) return this.host.onGap(stream);
      if (isLast) stream.endsAt = event.offset;
      this.deliver(stream);
    });
  }

  /** The stream ends behind the event at `offset`. */
  end(session: string, field: string, epoch: string, offset: number): void {
    this.held.withStream(session, field, (stream) => {
      if (!this.replay) return this.finish(stream);
      if (stream.epoch !== epoch) return this.host.onGap(stream);
      stream.endsAt = offset;
      this.deliver(stream);
    });
  }

  /** Another connection has taken the stream over, or somebody wants this one closed. */
  lose(session: string, field: string, generation: number, isTaken: boolean): void {
    this.held.withStream(session, field, (stream) => {
      if (isTaken ? stream.generation >= generation : stream.generation > generation) return;
      const { connection } = stream;
      if (isTaken) this.forget(stream);
      else this.letGo(stream);
      endConnection(connection);
    });
  }

  /** Takes broadcasts that a message brought. */
  receiveBroadcasts(epoch: string, first: number, at: number, texts: string[]): void {
    const isKnown = this.broadcasts.receive(epoch, first, at, texts);
    if (!isKnown || this.broadcasts.hasGap) this.host.onGap(undefined);
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
    stream.delivered = Math.max(stream.delivered, lastLost);
    stream.deliveredBroadcast = Math.max(stream.deliveredBroadcast, this.broadcasts.log.lastDropped);
  }

  /** Hands the broadcasts that have come to the connections. */
  fanOut(): void {
    const { burst } = this;
    if (!burst) return;
    this.burst = undefined;
    const text = this.replay ? '' : burst.text();
    for (const stream of this.held.mains) {
      if (this.replay) deliverBurst(stream, burst, this.broadcasts.log);
      else deliver(stream, text);
      this.settle(stream);
    }
  }

  /** The stream is held here no longer; whoever comes next goes on behind what was delivered. */
  letGo(stream: HeldStream): void {
    if (!this.forget(stream)) return;
    const { session, field, generation, delivered, deliveredBroadcast } = stream;
    const broadcast = formatPosition({ epoch: this.broadcasts.epoch, offset: deliveredBroadcast });
    this.releases.add({ session, field, generation, delivered, broadcast });
    this.host.onReleased();
  }

  /** The stream is held here no longer, which Redis knows or need not know. @returns whether it was held here */
  forget(stream: HeldStream): boolean {
    stream.connection = undefined;
    return this.held.remove(stream);
  }

  private deliverAtOnce(stream: HeldStream, data: string, isLast: boolean): void {
    deliver(stream, data);
    if (isLast) this.finish(stream);
    else this.settle(stream);
  }

  private finish(stream: HeldStream): void {
    const { connection } = stream;
    this.letGo(stream);
    endConnection(connection);
  }

  /** After a delivery: the connection may be gone, the stream over, or something missing. */
  private settle(stream: HeldStream): void {
    stream.prune();
    if (!stream.connection) return this.letGo(stream);
    if (stream.isOver) {
      const { connection } = stream;
      // The log knows that it has ended: there is nothing to tell.
      this.forget(stream);
      endConnection(connection);
    } else if (stream.isStuck) {
      this.host.onGap(stream);
    }
  }

  private addToBurst(data: string, offset: number): void {
    if (!this.burst?.takes(data)) this.fanOut();
    this.burst ??= new BroadcastBurst(offset - 1, this.replay?.maxEvents);
    this.burst.add(data, offset);
  }

  private restartBroadcasts(): void {
    this.burst = undefined;
    for (const stream of this.held.mains) {
      stream.resetBroadcasts();
      this.tellLost(stream, 0);
      this.settle(stream);
    }
  }
}
