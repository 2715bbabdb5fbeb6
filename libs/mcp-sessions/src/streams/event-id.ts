import { createHash } from 'node:crypto';
import { InvalidEventIdError } from './stream-manager.errors.js';
import type { EventId, StreamRef } from './stream-manager.interface.js';

/** What an event id says: the stream, the life of its log, and where in the two logs it stands. */
export interface EventPosition {
  key: string;
  /** Changes whenever the log starts anew, so that an old id is never taken for a new event. */
  epoch: string;
  /** Offset in the stream's own log. */
  offset: number;
  /** Offset in the broadcast log. */
  broadcast: number;
}

const EVENT_ID = /^([\w-]{8})\.([^.\s]*)\.([0-9a-z]+)\.([0-9a-z]{1,11})[.-]([0-9a-z]{1,11})$/;

/**
 * Ties an id to its session without naming it: 48 bits of a hash, from which the (random) session id cannot be
 * found. An id of another session is recognised even when the log that it came from is gone.
 */
function sessionTag(sessionId: string): string {
  return createHash('sha256').update(`event-id:${sessionId}`).digest('base64url').slice(0, 8);
}

/** The part that all ids of one stream share. */
export function eventIdPrefix({ sessionId, key }: StreamRef, epoch: string): string {
  const encodedKey = encodeURIComponent(key).replaceAll('.', '%2E');
  const prefix = `${sessionTag(sessionId)}.${encodedKey}.${epoch}.`;
  // Concatenation leaves a tree of its parts, which would stay in memory as long as the stream does.
  return Buffer.from(prefix, 'latin1').toString('latin1');
}

/** The id of an event of the stream's own, or of a place in the stream. */
export function formatEventId(prefix: string, offset: number, broadcast: number): EventId {
  return `${prefix}${offset.toString(36)}.${broadcast.toString(36)}`;
}

/**
 * The id of a broadcast. It differs from that of an event of the stream's own: events that several instances send at
 * once may come in one order live and in another when they are replayed, and an id stands for one event only.
 */
export function formatBroadcastId(prefix: string, offset: number, broadcast: number): EventId {
  return `${prefix}${offset.toString(36)}-${broadcast.toString(36)}`;
}

/** @throws InvalidEventIdError the id is malformed or was made for another session */
export function parseEventId(sessionId: string, eventId: EventId): EventPosition {
  const match = EVENT_ID.exec(eventId);
  if (!match || match[1] !== sessionTag(sessionId)) throw new InvalidEventIdError();
  const [, , encodedKey, epoch, offset, broadcast] = match as unknown as string[];
  return {
    key: decodeKey(encodedKey!),
    epoch: epoch!,
    offset: parseInt(offset!, 36),
    broadcast: parseInt(broadcast!, 36),
  };
}

function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new InvalidEventIdError();
  }
}
