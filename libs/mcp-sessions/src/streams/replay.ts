import type { BroadcastBurst } from './broadcast-burst.js';
import { formatBroadcastId, formatEventId, type EventPosition } from './event-id.js';
import type { EventLog, LoggedEvent } from './event-log.js';
import { EVENTS_LOST_COMMENT } from './sse-frame.js';
import { MAIN_STREAM_KEY, type StreamController, type StreamRef } from './stream-manager.interface.js';
import type { StreamRecord } from './stream-record.js';

/** Where a stream's next event comes from. */
export interface EventSource {
  /** The first event after `offset` that can be handed out now. */
  firstAfter(offset: number): LoggedEvent | undefined;
}

/** A stream as far as handing its events to a connection goes. */
export interface FollowedStream {
  readonly ref: StreamRef;
  /** The connection that holds the stream. */
  connection: StreamController | undefined;
  /** The stream's own events; absent while it has had none. */
  readonly log: EventSource | undefined;
  /** The last of the stream's own events that was handed to a connection. */
  delivered: number;
  /** The last broadcast handed to a connection. */
  deliveredBroadcast: number;
  /** Set while events are being handed to a connection. */
  delivering: boolean;
  /** The part that all event ids of the stream share. */
  readonly idPrefix: string;
  /** The offset of the last event of the stream's own. */
  readonly lastOffset: number;
}

/**
 * Lets the stream go on behind `position`; without one, it does so behind what was last delivered. `'lost'` is a
 * position in a log that no longer exists: whoever stood there has seen nothing of this one.
 */
export function moveTo(record: StreamRecord, position: EventPosition | 'lost' | undefined): void {
  if (position === undefined) return;
  record.delivered = position === 'lost' ? 0 : position.offset;
  record.deliveredBroadcast = position === 'lost' ? 0 : position.broadcast;
}

/**
 * Hands the connection everything behind what was last delivered: the stream's own events and, on a session's main
 * stream, the broadcasts, in the order in which they were sent.
 *
 * @param isLost whether it is known that something is missing
 * @returns whether nothing was missing; otherwise the connection was told so first
 */
export function replayRecord(record: StreamRecord, broadcasts: EventLog, isLost: boolean): boolean {
  const isMain = record.ref.key === MAIN_STREAM_KEY;
  const complete =
    !isLost &&
    (record.log?.reachesBackTo(record.delivered) ?? true) &&
    (!isMain || broadcasts.reachesBackTo(record.deliveredBroadcast));
  if (!complete && deliver(record, EVENTS_LOST_COMMENT)) skipLost(record, broadcasts);
  deliverMissing(record, broadcasts);
  return complete;
}

/**
 * Hands the connection what the stream has and it has not had yet, in the order in which it was sent, each event with
 * an id to resume behind. A connection that cannot take an event is let go of, and the next one gets that event.
 */
export function deliverMissing(record: FollowedStream, broadcasts: EventSource): void {
  // Whatever a connection causes while it takes an event comes behind that event: the loop that runs gets to it.
  if (record.delivering) return;
  record.delivering = true;
  while (deliverNext(record, broadcasts));
  record.delivering = false;
}

/** @returns whether there may be more to do */
function deliverNext(record: FollowedStream, broadcasts: EventSource): boolean {
  const own = record.log?.firstAfter(record.delivered);
  const broadcast =
    record.ref.key === MAIN_STREAM_KEY ? broadcasts.firstAfter(record.deliveredBroadcast) : undefined;
  const isBroadcast = broadcast !== undefined && (!own || broadcast.offset <= own.broadcast);
  const event = isBroadcast ? broadcast : own;
  if (!event) return false;
  const connection = takingConnection(record);
  if (!connection) return record.connection !== undefined;

  const delivered = isBroadcast ? record.delivered : event.offset;
  const deliveredBroadcast = isBroadcast ? event.offset : record.deliveredBroadcast;
  const formatId = isBroadcast ? formatBroadcastId : formatEventId;
  const id = formatId(record.idPrefix, delivered, deliveredBroadcast);
  hand(record, connection, `id: ${id}\n${event.data}`, { delivered, deliveredBroadcast });
  return true;
}

/**
 * Hands the connection a burst of broadcasts in one go, if the stream stands right before it; whatever else the
 * stream has comes as in {@link deliverMissing}. A connection that cannot take the burst has had none of it.
 */
export function deliverBurst(record: FollowedStream, burst: BroadcastBurst, broadcasts: EventSource): void {
  if (record.delivering) return;
  const { delivered } = record;
  if (delivered === record.lastOffset && record.deliveredBroadcast === burst.before) {
    record.delivering = true;
    const connection = takingConnection(record);
    const text = connection && burst.textWithIds(record.idPrefix, delivered);
    if (text) hand(record, connection, text, { delivered, deliveredBroadcast: burst.last });
    record.delivering = false;
  }
  deliverMissing(record, broadcasts);
}

/** Hands the connection what moves the stream to a new position; if it does not take it, it is let go of. */
function hand(
  record: FollowedStream,
  connection: StreamController,
  text: string,
  next: Pick<FollowedStream, 'delivered' | 'deliveredBroadcast'>,
): void {
  const { delivered, deliveredBroadcast } = record;
  Object.assign(record, next);
  if (!tryEnqueue(connection, text) && record.connection === connection) {
    record.connection = undefined;
    Object.assign(record, { delivered, deliveredBroadcast });
  }
}

/** Hands the connection a text without an id. @returns whether it took it; if not, it is let go of */
export function deliver(record: FollowedStream, text: string): boolean {
  const connection = takingConnection(record);
  if (!connection) return false;
  const taken = tryEnqueue(connection, text);
  if (!taken && record.connection === connection) record.connection = undefined;
  return taken;
}

/** The connection that holds the stream; one that reads too slowly is cut off instead. */
function takingConnection(record: FollowedStream): StreamController | undefined {
  const { connection } = record;
  if (!connection || !isSlow(connection)) return connection;
  record.connection = undefined;
  endConnection(connection);
  return undefined;
}

/** The client has been told: the next connection is not told again, and an ended stream can end. */
function skipLost(record: StreamRecord, broadcasts: EventLog): void {
  record.delivered = Math.max(record.delivered, record.log?.lastDropped ?? 0);
  if (record.ref.key !== MAIN_STREAM_KEY) return;
  record.deliveredBroadcast = Math.max(record.deliveredBroadcast, broadcasts.lastDropped);
}

/** Whether more waits for the client than the connection accepts. */
export function isSlow({ desiredSize }: StreamController): boolean {
  return (desiredSize ?? 1) <= 0;
}

/** @returns `false` if the connection is gone, which it says in the only way the contract gives it */
export function tryEnqueue(connection: StreamController, bytes: string): boolean {
  try {
    if (connection.enqueueBinary) connection.enqueueBinary(bytes);
    else connection.enqueue(Buffer.from(bytes, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

/** Ends a connection. One that has ended by itself may say so by throwing: that is what was wanted. */
export function endConnection(connection: StreamController | undefined): void {
  try {
    connection?.close();
  } catch {
    // It had ended by itself, which is what was wanted.
  }
}
