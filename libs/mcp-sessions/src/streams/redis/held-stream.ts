import { eventIdPrefix } from '../event-id.js';
import type { LoggedEvent } from '../event-log.js';
import type { EventSource, FollowedStream } from '../replay.js';
import type { StreamController, StreamRef } from '../stream-manager.interface.js';
import { parsePosition, type BroadcastMirror } from './broadcast-mirror.js';

/** Events that are kept here while others before them are missing: Redis has them, too. */
const MAX_EVENTS = 1_000;

/** One event that a script or a message brought. */
export interface IncomingEvent {
  epoch: string;
  offset: number;
  at: number;
  /** When the event before it was appended; absent or 0 if that is not known. */
  previousAt?: number;
  broadcast: string;
  data: string;
}

/** A stream whose connection is on this instance: what came for it and has not been handed out yet. */
export class HeldStream implements FollowedStream, EventSource {
  delivering = false;
  /** Set while Redis is asked to make the stream known again. */
  isRecovering = false;
  /** Redis has given an offset to two events, so that nothing is handed out until it has been asked. */
  isInDoubt = false;
  /** The epoch of the broadcasts when Redis last knew the stream: with another one, Redis has lost what it had. */
  knownSince: string;
  /** The other instance that writes this stream of a request; `undefined`: it is this one, or many. */
  origin: string | undefined;
  /** The offset of the last event, once that is known: the stream ends behind it. */
  endsAt: number | undefined;
  /** Most streams have no events for most of the time. */
  private events: Map<number, LoggedEvent & { previousAt: number }> | undefined;
  /** The epoch of the broadcasts that `deliveredBroadcast` is a place in. */
  private broadcastEpoch: string;
  private prefix: string | undefined;

  constructor(
    readonly ref: StreamRef,
    /** The encoded session id and stream key. */
    readonly session: string,
    readonly field: string,
    readonly epoch: string,
    /** Grows with every connection that takes the stream over, on whichever instance. */
    public generation: number,
    /** By this word Redis recognises the connection. */
    public claim: string,
    public connection: StreamController | undefined,
    public delivered: number,
    /** When the last event that was handed out was appended; 0 if that is not known. */
    public deliveredAt: number,
    public deliveredBroadcast: number,
    private readonly broadcasts: BroadcastMirror,
  ) {
    this.broadcastEpoch = broadcasts.epoch;
    this.knownSince = broadcasts.epoch;
  }

  /** Made when it is first needed: it has a hash in it. */
  get idPrefix(): string {
    this.prefix ??= idPrefixOf(this.ref, this.epoch, this.broadcastEpoch);
    return this.prefix;
  }

  get log(): EventSource {
    return this;
  }

  get lastOffset(): number {
    return this.delivered + this.waiting;
  }

  /** Events that are here and have not been handed out. */
  private get waiting(): number {
    return this.events?.size ?? 0;
  }

  /** Whether as many events wait as messages may bring. What is read from the log is bounded by that. */
  get isFull(): boolean {
    return this.waiting >= MAX_EVENTS;
  }

  get isOver(): boolean {
    return this.endsAt !== undefined && this.delivered >= this.endsAt;
  }

  /** Whether events are here that cannot be handed out: others before them are missing. */
  get isStuck(): boolean {
    return this.waiting > 0 && !this.firstAfter(this.delivered);
  }

  /** Keeps an event until it is its turn. @returns `false` if Redis has to be asked what has become of the log */
  offer({ epoch, offset, at, previousAt = 0, broadcast, data }: IncomingEvent): boolean {
    if (epoch !== this.epoch) return false;
    if (this.isContradicted(offset, at)) {
      this.isInDoubt = true;
      return false;
    }
    const position = parsePosition(broadcast);
    const before = position.epoch === this.broadcasts.epoch ? position.offset : 0;
    if (offset > this.delivered)
      (this.events ??= new Map()).set(offset, { offset, broadcast: before, data, at, previousAt });
    return true;
  }

  firstAfter(offset: number): LoggedEvent | undefined {
    if (this.isInDoubt) return undefined;
    const event = this.events?.get(offset + 1);
    if (!event || event.broadcast > this.broadcasts.log.last) return undefined;
    const at = this.events?.get(offset)?.at ?? this.deliveredAt;
    // It follows another event than the one that was handed out under that offset.
    if (event.previousAt > 0 && at > 0 && event.previousAt !== at) this.isInDoubt = true;
    return this.isInDoubt ? undefined : event;
  }

  /** Forgets what has been handed out. */
  prune(): void {
    const { events } = this;
    if (!events) return;
    for (const [offset, { at }] of events) {
      if (offset === this.delivered) this.deliveredAt = at;
      if (offset <= this.delivered) events.delete(offset);
    }
  }

  /**
   * Whether another event has been handed out under that offset, as happens when a failover takes events back. Later
   * ones have later times, so that the time of the last one says it.
   */
  private isContradicted(offset: number, at: number): boolean {
    if (offset > this.delivered || this.deliveredAt === 0) return false;
    return at > this.deliveredAt || (offset === this.delivered && at !== this.deliveredAt);
  }

  /** The broadcasts have begun anew. */
  resetBroadcasts(): void {
    this.deliveredBroadcast = 0;
    this.broadcastEpoch = this.broadcasts.epoch;
    this.prefix = undefined;
  }
}

/** Event ids carry the epochs of both logs that they point into. */
export function idPrefixOf(ref: StreamRef, epoch: string, broadcastEpoch: string): string {
  return eventIdPrefix(ref, `${epoch}z${broadcastEpoch}`);
}

/** The epochs in an event id; `undefined` if it was not made here. */
export function parseEpochs(epochs: string): { epoch: string; broadcastEpoch: string } | undefined {
  const match = /^([0-9a-f]+)z([0-9a-f]+)$/.exec(epochs);
  return match ? { epoch: match[1]!, broadcastEpoch: match[2]! } : undefined;
}
