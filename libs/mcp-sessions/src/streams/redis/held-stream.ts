import { eventIdPrefix } from '../event-id.js';
import type { LoggedEvent } from '../event-log.js';
import type { EventSource, FollowedStream } from '../replay.js';
import type { StreamController, StreamRef } from '../stream-manager.interface.js';
import { parsePosition, type BroadcastMirror } from './broadcast-mirror.js';

/** One event that a script or a message brought. */
export interface IncomingEvent {
  epoch: string;
  offset: number;
  at: number;
  broadcast: string;
  data: string;
}

/** A stream whose connection is on this instance: what came for it and has not been handed out yet. */
export class HeldStream implements FollowedStream, EventSource {
  delivering = false;
  /** When the last event that was handed out was appended; 0 if that is not known. */
  deliveredAt = 0;
  /** The offset of the last event, once that is known: the stream ends behind it. */
  endsAt: number | undefined;
  idPrefix: string;
  private readonly events = new Map<number, LoggedEvent>();

  constructor(
    readonly ref: StreamRef,
    /** The encoded session id and stream key. */
    readonly session: string,
    readonly field: string,
    readonly epoch: string,
    /** Grows with every connection that takes the stream over, on whichever instance. */
    public generation: number,
    public connection: StreamController | undefined,
    public delivered: number,
    public deliveredBroadcast: number,
    private readonly broadcasts: BroadcastMirror,
  ) {
    this.idPrefix = idPrefixOf(ref, epoch, broadcasts.epoch);
  }

  get log(): EventSource {
    return this;
  }

  get lastOffset(): number {
    return this.delivered + this.events.size;
  }

  get isOver(): boolean {
    return this.endsAt !== undefined && this.delivered >= this.endsAt;
  }

  /** Whether events are here that cannot be handed out: others before them are missing. */
  get isStuck(): boolean {
    return this.events.size > 0 && !this.firstAfter(this.delivered);
  }

  /** Keeps an event until it is its turn. @returns `false` if it is of another log */
  offer({ epoch, offset, at, broadcast, data }: IncomingEvent): boolean {
    if (epoch !== this.epoch) return false;
    const position = parsePosition(broadcast);
    const before = position.epoch === this.broadcasts.epoch ? position.offset : 0;
    if (offset > this.delivered) this.events.set(offset, { offset, broadcast: before, data, at });
    return true;
  }

  firstAfter(offset: number): LoggedEvent | undefined {
    const event = this.events.get(offset + 1);
    return event && event.broadcast <= this.broadcasts.log.last ? event : undefined;
  }

  /** Forgets what has been handed out. */
  prune(): void {
    for (const [offset, { at }] of this.events) {
      if (offset === this.delivered) this.deliveredAt = at;
      if (offset <= this.delivered) this.events.delete(offset);
    }
  }

  /** The broadcasts have begun anew. */
  resetBroadcasts(): void {
    this.deliveredBroadcast = 0;
    this.idPrefix = idPrefixOf(this.ref, this.epoch, this.broadcasts.epoch);
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
