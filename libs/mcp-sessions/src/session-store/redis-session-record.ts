import { InvalidSessionMetadataError } from './session-store.errors.js';
import type { SessionMetadata } from './session-store.interface.js';

/** Metadata as it goes to Redis. */
export interface EncodedMetadata {
  lastAccessedAt: number | undefined;
  /** Each other field's name and value, both as JSON text. */
  fields: [name: string, value: string][];
}

const NEEDS_NO_ESCAPE = /^\w+$/;

/**
 * A session as Redis keeps it, in one string: a line with the lifetime in milliseconds and `lastAccessedAt`, then
 * the other fields as a JSON object with each field on a line of its own. JSON text has no line breaks otherwise,
 * so that a script can replace a field without reading JSON, which Lua does not do without loss.
 */
export function encodeRecord({ lastAccessedAt, fields }: EncodedMetadata, lifetimeMs: number): string {
  if (lastAccessedAt === undefined) throw missingLastAccessedAt();
  let lines = '';
  for (const [name, value] of fields) lines += lines === '' ? `${name}:${value}` : `,\n${name}:${value}`;
  return `${lifetimeMs} ${lastAccessedAt}\n{${lines}}`;
}

/** The metadata of a record, or `undefined` if it is damaged. */
export function decodeRecord(record: string): SessionMetadata | undefined {
  const endOfHeader = record.indexOf('\n');
  const [lifetime, lastAccessedAt] = record.slice(0, Math.max(endOfHeader, 0)).split(' ').map(Number);
  if (!lifetime || !Number.isFinite(lastAccessedAt)) return undefined;
  try {
    const fields: unknown = JSON.parse(record.slice(endOfHeader));
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
    return Object.assign(fields, { lastAccessedAt: lastAccessedAt! });
  } catch {
    return undefined; // not JSON: whoever asked for the record reports it
  }
}

/**
 * The fields that `metadata` has, as JSON; those that JSON leaves out, `undefined` above all, are not among them.
 *
 * @throws InvalidSessionMetadataError JSON cannot carry it, or `lastAccessedAt` is not a number
 */
export function encodeMetadata(metadata: Partial<SessionMetadata>): EncodedMetadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new InvalidSessionMetadataError('Session metadata must be an object');
  }
  const { lastAccessedAt } = metadata;
  if (lastAccessedAt !== undefined && !Number.isFinite(lastAccessedAt)) throw missingLastAccessedAt();
  const fields: EncodedMetadata['fields'] = [];
  for (const [name, value] of Object.entries(metadata)) {
    const json = name === 'lastAccessedAt' ? undefined : stringify(value);
    if (json !== undefined)
      fields.push([NEEDS_NO_ESCAPE.test(name) ? `"${name}"` : JSON.stringify(name), json]);
  }
  return { lastAccessedAt, fields };
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
