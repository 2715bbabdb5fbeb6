import type { SessionRecord } from './session-record.js';

const VERSION = 1;

/** Characters of a chunk: enough to make writes few, too few to keep the event loop busy for a millisecond. */
const CHUNK_CHARS = 64 * 1024;

/** What a session file held. */
export interface SessionFileContent {
  records: [sessionId: string, record: SessionRecord][];
  /** Records that cannot be read: their session ids, or `undefined` where not even that is known. */
  unreadable: (string | undefined)[];
}

/**
 * The content of a session file in pieces: one JSON document, `{"version":1,"sessions":[…]}`, with one session
 * per line. What happens to the sessions between two pieces may or may not be in the later ones; a session that
 * is there all the while is in it exactly once.
 */
export function* formatSessionFile(
  sessionIds: Iterable<string>,
  find: (sessionId: string) => SessionRecord | undefined,
): Generator<string, void, undefined> {
  let chunk = `{"version":${VERSION},"sessions":[`;
  let separator = '\n';
  for (const sessionId of sessionIds) {
    const record = find(sessionId);
    if (!record) continue;
    chunk += separator + formatRecord(sessionId, record);
    separator = ',\n';
    if (chunk.length < CHUNK_CHARS) continue;
    yield chunk;
    chunk = '';
  }
  yield `${chunk}\n]}\n`;
}

/**
 * Reads a session file, or one that mcp-use wrote: an object with the metadata of each session under its id.
 *
 * @returns `undefined` if the text is neither
 */
export function parseSessionFile(text: string): SessionFileContent | undefined {
  const document = parseJson(text);
  if (!isObject(document)) return undefined;
  if (!Object.hasOwn(document, 'version')) return parseMcpUseSessions(document);
  if (document['version'] !== VERSION || !Array.isArray(document['sessions'])) return undefined;
  const content: SessionFileContent = { records: [], unreadable: [] };
  for (const line of document['sessions'] as unknown[]) {
    const sessionId = isObject(line) && typeof line['id'] === 'string' ? line['id'] : undefined;
    const record = isObject(line) ? parseRecord(line) : undefined;
    if (sessionId !== undefined && record) content.records.push([sessionId, record]);
    else content.unreadable.push(sessionId);
  }
  return content;
}

function parseMcpUseSessions(document: Record<string, unknown>): SessionFileContent | undefined {
  const content: SessionFileContent = { records: [], unreadable: [] };
  for (const [sessionId, metadata] of Object.entries(document)) {
    const record = parseRecord({ metadata });
    if (record) content.records.push([sessionId, record]);
    else content.unreadable.push(sessionId);
  }
  // Any JSON object has this shape. One without a single session in it is some other file.
  if (content.records.length === 0 && content.unreadable.length > 0) return undefined;
  return content;
}

function formatRecord(sessionId: string, { json, lastAccessedAt, ttlMs, expiresAt }: SessionRecord): string {
  const lifetime = ttlMs === undefined ? '' : `,"ttlMs":${ttlMs},"expiresAt":${expiresAt}`;
  // The metadata comes last and is not written anew; its own lastAccessedAt may be older than the one beside it.
  return `{"id":${JSON.stringify(sessionId)},"lastAccessedAt":${lastAccessedAt}${lifetime},"metadata":${json}}`;
}

function parseRecord(line: Record<string, unknown>): SessionRecord | undefined {
  const { metadata, ttlMs, expiresAt } = line;
  if (!isObject(metadata)) return undefined;
  const lastAccessedAt = line['lastAccessedAt'] ?? metadata['lastAccessedAt'];
  if (!isFiniteNumber(lastAccessedAt)) return undefined;
  const record = { json: JSON.stringify(metadata), lastAccessedAt, savedLastAccessedAt: lastAccessedAt };
  if (ttlMs === undefined && expiresAt === undefined) return { ...record, expiresAt: Infinity };
  if (!isFiniteNumber(ttlMs) || !isFiniteNumber(expiresAt) || ttlMs <= 0) return undefined;
  return { ...record, ttlMs, expiresAt };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error's message quotes the text, and with it session ids: the caller says what there is to say.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
