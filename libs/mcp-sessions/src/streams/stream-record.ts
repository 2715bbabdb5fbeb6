import { eventIdPrefix, formatEventId } from './event-id.js';
import { EventLog, type LoggedEvent, type Retention } from './event-log.js';
import type { EventId, StreamController, StreamRef } from './stream-manager.interface.js';

/** What an in-memory manager knows of one stream. */
export class StreamRecord {
  /** The connection that holds the stream. */
  connection: StreamController | undefined;
  /** Made with the first event: most streams idle. */
  log: EventLog | undefined;
  /** The last event handed to a connection. */
  delivered = 0;
  /** The last broadcast handed to a connection. */
  deliveredBroadcast: number;
  /** Set while events are being handed to a connection. */
  delivering = false;
  /** Set once a client has a place in this stream, or is about to get one. */
  joined = false;
  /** Set once the last event has been appended: the stream ends behind it. */
  ended = false;
  /** Characters counted for this stream while it is kept after its end. */
  finishedChars = 0;
  /** When connections that were alive were replaced, in milliseconds since the epoch, newest last. */
  takeovers: number[] | undefined;
  /** The part that all event ids of the stream share. */
  readonly idPrefix: string;

  constructor(
    readonly ref: StreamRef,
    epoch: string,
    /** The last broadcast before this stream began. */
    readonly firstBroadcast: number,
  ) {
    this.deliveredBroadcast = firstBroadcast;
    this.idPrefix = eventIdPrefix(ref, epoch);
  }

  /** Whether ids of this epoch are ids of this record. */
  hasEpoch(epoch: string): boolean {
    return this.idPrefix === eventIdPrefix(this.ref, epoch);
  }

  get lastOffset(): number {
    return this.log?.last ?? 0;
  }

  append(data: string, broadcast: number, retention: Retention, now: number): LoggedEvent {
    this.log ??= new EventLog(retention);
    return this.log.append(data, broadcast, now);
  }

  eventId(offset: number, broadcast: number): EventId {
    return formatEventId(this.idPrefix, offset, broadcast);
  }

  /** The id of what was last handed to a connection. */
  get position(): EventId {
    return this.eventId(this.delivered, this.deliveredBroadcast);
  }
}
