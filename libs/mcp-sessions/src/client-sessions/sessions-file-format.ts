import { expiresAtOf, isStoredSession } from './session-codec.js';
import type { SessionRecord } from './session-table.js';
import type { Session } from './sessions.interface.js';

const VERSION = 1;

/** Characters of a chunk: enough to make writes few, too few to keep the event loop busy for a millisecond. */
const CHUNK_CHARS = 64 * 1024;

/** How many bytes of a file are enough to tell its revision. */
export const REVISION_BYTES = 64;

/**
 * The content of a file of sessions in pieces: one JSON document,
 * `{"version":1,"revision":"…","sessions":[…]}`, with one session per line.
 */
export function* formatSessions(
  records: Iterable<SessionRecord>,
  revision: string,
): Generator<string, void, undefined> {
  let chunk = `{"version":${VERSION},"revision":"${revision}","sessions":[`;
  let separator = '\n';
  for (const record of records) {
    chunk += separator + formatRecord(record);
    separator = ',\n';
    if (chunk.length < CHUNK_CHARS) continue;
    yield chunk;
    chunk = '';
  }
  yield `${chunk}\n]}\n`;
}

/** The revision that a file begins with; `undefined` if another program wrote it. */
export function revisionOf(beginning: string): string | undefined {
  return /^\{"version":1,"revision":"([\w-]{36})"/.exec(beginning)?.[1];
}

/** What a file of sessions held: sessions as this library stores them, or as another program does. */
export interface SessionsFileContent {
  records: SessionRecord[];
  foreign: Session[];
}

/**
 * Reads a file of sessions, or one of `@mcp-ts/sdk`: a list of sessions, or an object with one.
 *
 * @returns `undefined` if the text is neither, or any session in it cannot be read
 */
export function parseSessions(text: string): SessionsFileContent | undefined {
  const document = parseJson(text);
  const lines: unknown = Array.isArray(document) ? document : (document as { sessions?: unknown })?.sessions;
  if (!Array.isArray(lines) || !lines.every(isObject)) return undefined;
  if (!Object.hasOwn(document as object, 'version'))
    return { records: [], foreign: lines.map(foreignSession) };
  if ((document as { version: unknown }).version !== VERSION) return undefined;
  const records = lines.map(parseRecord);
  return records.every((record) => record !== undefined) ? { records, foreign: [] } : undefined;
}

function formatRecord({ userId, sessionId, lastUsedAt, text }: SessionRecord): string {
  const ids = `"userId":${JSON.stringify(userId)},"sessionId":${JSON.stringify(sessionId)}`;
  return `{${ids},"lastUsedAt":${lastUsedAt},"session":${text}}`;
}

function parseRecord(line: Record<string, unknown>): SessionRecord | undefined {
  const { userId, sessionId, lastUsedAt, session } = line;
  if (typeof userId !== 'string' || typeof sessionId !== 'string') return undefined;
  if (typeof lastUsedAt !== 'number' || !isStoredSession(session)) return undefined;
  return { userId, sessionId, text: JSON.stringify(session), expiresAt: expiresAtOf(session), lastUsedAt };
}

/** Their older sessions have no status; those are connected. */
function foreignSession(line: Record<string, unknown>): Session {
  return { status: 'active', ...line } as Session;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error's message quotes the text, and with it credentials: the caller says what there is to say.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
