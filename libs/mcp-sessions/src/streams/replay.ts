import type { EventPosition } from './event-id.js';
import type { EventLog } from './event-log.js';
import { EVENTS_LOST_COMMENT } from './sse-frame.js';
import { MAIN_STREAM_KEY, type StreamController } from './stream-manager.interface.js';
import type { StreamRecord } from './stream-record.js';

/**
 * Hands one event to the connection that holds the stream, with the id made of the two offsets, or without an
 * id when nothing is kept for replay. A connection that cannot take it is let go of, and the event counts as not
 * delivered: the next connection gets it.
 */
export function deliverEvent(record: StreamRecord, data: string, offset?: number, broadcast?: number): void {
  const text =
    offset === undefined || broadcast === undefined
      ? data
      : `id: ${record.eventId(offset, broadcast)}\n${data}`;
  if (!handOver(record, text)) return;
  record.delivered = offset ?? record.delivered;
  record.deliveredBroadcast = broadcast ?? record.deliveredBroadcast;
}

/**
 * Hands the connection everything after `position`: the stream's own events and, on a session's main stream, the
 * broadcasts, in the order in which they were sent. Without a position it goes on behind what was last delivered.
 * `'lost'` is a position in a log that no longer exists.
 *
 * @returns whether nothing was missing; otherwise the connection was told so first
 */
export function replayRecord(
  record: StreamRecord,
  broadcasts: EventLog,
  position: EventPosition | 'lost' | undefined,
): boolean {
  if (position !== undefined && position !== 'lost') {
    record.delivered = position.offset;
    record.deliveredBroadcast = position.broadcast;
  }
  const isMain = record.ref.key === MAIN_STREAM_KEY;
  const complete =
    position !== 'lost' &&
    (record.log?.reachesBackTo(record.delivered) ?? true) &&
    (!isMain || broadcasts.reachesBackTo(record.deliveredBroadcast));
  if (!complete) handOver(record, EVENTS_LOST_COMMENT);

  const pendingBroadcasts = isMain ? broadcasts.after(record.deliveredBroadcast) : [];
  for (const event of record.log?.after(record.delivered) ?? []) {
    while (pendingBroadcasts[0] && pendingBroadcasts[0].offset <= event.broadcast) {
      const broadcast = pendingBroadcasts.shift()!;
      deliverEvent(record, broadcast.data, record.delivered, broadcast.offset);
    }
    deliverEvent(record, event.data, event.offset, record.deliveredBroadcast);
  }
  for (const broadcast of pendingBroadcasts) {
    deliverEvent(record, broadcast.data, record.delivered, broadcast.offset);
  }
  return complete;
}

/** Ends a connection. One that has ended by itself may say so by throwing: that is what was wanted. */
export function endConnection(connection: StreamController | undefined): void {
  try {
    connection?.close();
  } catch {
    // It had ended by itself, which is what was wanted.
  }
}

/** @returns whether the connection took it; if it is broken or too slow, it is let go of */
function handOver(record: StreamRecord, text: string): boolean {
  const { connection } = record;
  if (!connection) return false;
  if (
    connection.desiredSize !== undefined &&
    connection.desiredSize !== null &&
    connection.desiredSize <= 0
  ) {
    record.connection = undefined;
    endConnection(connection);
    return false;
  }
  try {
    connection.enqueue(Buffer.from(text));
    return true;
  } catch {
    // The connection is gone and says so in the only way the contract gives it; its stream waits for the next one.
    record.connection = undefined;
    return false;
  }
}
