import { InvalidSessionMetadataError } from './session-store.errors.js';
import type { SessionMetadata } from './session-store.interface.js';

/** A session as the stores of one process hold it. */
export interface SessionRecord {
  /**
   * The metadata as JSON text: what comes in is copied, what goes out is a copy, exactly as with a database. Its
   * `lastAccessedAt` may be out of date.
   */
  json: string;
  /** The metadata's `lastAccessedAt`, beside the text so that a touch need not write the text anew. */
  lastAccessedAt: number;
  /** How long the session lives after it is stored or touched, in milliseconds. Absent: until it is deleted. */
  ttlMs?: number;
  /** When the session ends, in milliseconds since the epoch; `Infinity` without a lifetime. */
  expiresAt: number;
  /** The `lastAccessedAt` that was last written to the file, if the record is kept in one. */
  savedLastAccessedAt?: number;
}

/**
 * The metadata as JSON text.
 *
 * @throws InvalidSessionMetadataError JSON cannot carry it, or `lastAccessedAt` is missing
 */
export function serializeMetadata(metadata: SessionMetadata): string {
  const json = stringify(metadata);
  if (!Number.isFinite(metadata.lastAccessedAt)) {
    throw new InvalidSessionMetadataError('lastAccessedAt must be a number of milliseconds since the epoch');
  }
  return json;
}

/** A copy of the record's metadata. */
export function metadataOf(record: SessionRecord): SessionMetadata {
  const metadata = JSON.parse(record.json) as SessionMetadata;
  metadata.lastAccessedAt = record.lastAccessedAt;
  return metadata;
}

/**
 * The record's metadata with `patch` merged into it field by field. What JSON leaves out, `undefined` above all,
 * leaves a field alone.
 *
 * @throws InvalidSessionMetadataError JSON cannot carry the patch
 */
export function mergeMetadata(record: SessionRecord, patch: Partial<SessionMetadata>): SessionMetadata {
  const changes = JSON.parse(stringify(patch)) as Partial<SessionMetadata>;
  return { ...metadataOf(record), ...changes };
}

function stringify(value: object): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new InvalidSessionMetadataError('Session metadata must be data that JSON can carry', { cause });
  }
  if (!json?.startsWith('{')) throw new InvalidSessionMetadataError('Session metadata must be an object');
  return json;
}
