import { InvalidSessionMetadataError } from './session-store.errors.js';
import type { SessionMetadata } from './session-store.interface.js';

/** Metadata that replaces fields of a session, as a script takes it. */
export interface EncodedPatch {
  lastAccessedAt: number | undefined;
  /** For each other field its name and its value, both as JSON text. */
  fields: string[];
}

const NEEDS_NO_ESCAPE = /^\w+$/;

/**
 * A session as Redis keeps it, in one string: a line with the lifetime in milliseconds and `lastAccessedAt`, then
 * the other fields as a JSON object with each field on a line of its own. JSON text has no line breaks otherwise,
 * so that a script can replace a field without reading JSON, which Lua does not do without loss.
 *
 * @throws InvalidSessionMetadataError JSON cannot carry it, or `lastAccessedAt` is not a number
 */
export function encodeRecord(metadata: SessionMetadata, lifetimeMs: number): string {
  if (lastAccessedAtOf(metadata) === undefined) throw missingLastAccessedAt();
  let lines = '';
  eachField(metadata, (name, value) => {
    lines += lines === '' ? `${name}:${value}` : `,\n${name}:${value}`;
  });
  return `${lifetimeMs} ${metadata.lastAccessedAt}\n{${lines}}`;
}

/** @throws InvalidSessionMetadataError as `encodeRecord` */
export function encodePatch(patch: Partial<SessionMetadata>): EncodedPatch {
  const lastAccessedAt = lastAccessedAtOf(patch);
  const fields: string[] = [];
  eachField(patch, (name, value) => fields.push(name, value));
  return { lastAccessedAt, fields };
}

/** The metadata of a record, or `undefined` if it is damaged. */
export function decodeRecord(record: string): SessionMetadata | undefined {
  const endOfLifetime = record.indexOf(' ');
  const endOfHeader = record.indexOf('\n');
  if (endOfHeader === -1) return undefined;
  const lifetime = Number(record.slice(0, endOfLifetime));
  const lastAccessedAt = Number(record.slice(endOfLifetime + 1, endOfHeader));
  if (!lifetime || !Number.isFinite(lastAccessedAt)) return undefined;
  try {
    const metadata = JSON.parse(record.slice(endOfHeader)) as SessionMetadata | null;
    if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return undefined;
    metadata.lastAccessedAt = lastAccessedAt;
    return metadata;
  } catch {
    return undefined; // not JSON: whoever asked for the record reports it
  }
}

/** Calls back with each field that JSON can carry, except `lastAccessedAt`: its name and its value, as JSON text. */
function eachField(metadata: Partial<SessionMetadata>, use: (name: string, value: string) => void): void {
  for (const [name, value] of Object.entries(metadata)) {
    if (name === 'lastAccessedAt') continue;
    const json = stringify(value);
    if (json !== undefined) use(NEEDS_NO_ESCAPE.test(name) ? `"${name}"` : JSON.stringify(name), json);
  }
}

function lastAccessedAtOf(metadata: Partial<SessionMetadata>): number | undefined {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new InvalidSessionMetadataError('Session metadata must be an object');
  }
  const { lastAccessedAt } = metadata;
  if (lastAccessedAt !== undefined && !Number.isFinite(lastAccessedAt)) throw missingLastAccessedAt();
  return lastAccessedAt;
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new InvalidSessionMetadataError('Session metadata must be data that JSON can carry', { cause });
  }
}

function missingLastAccessedAt(): InvalidSessionMetadataError {
  return new InvalidSessionMetadataError('lastAccessedAt must be a number of milliseconds since the epoch');
}
