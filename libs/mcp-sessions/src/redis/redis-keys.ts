import { InvalidConfigurationError } from '../common/errors.js';

/** What goes into a key as it is; base64url and UUIDs are made of nothing else. */
const PLAIN = /^[A-Za-z0-9_.~-]+$/;
const NOT_PLAIN = /[^A-Za-z0-9_.~-]/g;
const ENCODED = /%u([0-9a-f]{4})|%([0-9a-f]{2})/g;

/** The empty text. An encoded character is longer, so that nothing else is encoded like this. */
const EMPTY = '%';

/** Names the keys of a session store. */
export interface SessionStoreKeys {
  /** The session's key. Its hash tag is the session id, as with all keys of one session. */
  key(sessionId: string): string;
  /** The id of the session that the key belongs to; `undefined` if it is not a key of this store. */
  sessionIdOf(key: string): string | undefined;
  /** A glob pattern that all keys of this store match, and a few others may. */
  readonly matchPattern: string;
}

export function sessionStoreKeys(prefix: string): SessionStoreKeys {
  const start = `${prefix}{`;
  return {
    key: (sessionId) => `${start}${encodeKeyPart(sessionId)}}`,
    sessionIdOf: (key) => {
      if (!key.startsWith(start) || !key.endsWith('}')) return undefined;
      return decodeKeyPart(key.slice(start.length, -1));
    },
    matchPattern: `${escapeGlob(start)}*}`,
  };
}

/**
 * Encodes any text for use in a key. No two texts become the same one, and the result is not empty and has no
 * character that means something in a key (`:`, `{`, `}`) or in a pattern (`*`, `?`, `[`). Works on UTF-16 code
 * units, because broken surrogate pairs would all become the same UTF-8.
 */
export function encodeKeyPart(text: string): string {
  if (PLAIN.test(text)) return text;
  return text === '' ? EMPTY : text.replace(NOT_PLAIN, encodeCodeUnit);
}

/** The text that `encodeKeyPart` made this of; `undefined` if it made this of none. */
export function decodeKeyPart(part: string): string | undefined {
  if (PLAIN.test(part)) return part;
  const text =
    part === EMPTY
      ? ''
      : part.replace(ENCODED, (_, wide?: string, narrow?: string) => decodeCodeUnit(wide ?? narrow!));
  return encodeKeyPart(text) === part ? text : undefined;
}

/**
 * Refuses a prefix in a Cluster behind which hash tags mean nothing: Redis looks for one from the first `{` to the next
 * `}`, and if nothing is between them, each key has a slot of its own.
 *
 * @throws InvalidConfigurationError it is such a prefix
 */
export function assertKeepsHashTags(prefix: string): void {
  if (/^[^{]*\{\}/.test(prefix)) {
    throw new InvalidConfigurationError(
      `prefix must not have \`{}\` in a Cluster, where it keeps the keys of a session apart; it is ${JSON.stringify(prefix)}`,
    );
  }
}

/** A glob pattern that matches this text and nothing else. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}

function encodeCodeUnit(unit: string): string {
  const hex = unit.charCodeAt(0).toString(16);
  return hex.length <= 2 ? `%${hex.padStart(2, '0')}` : `%u${hex.padStart(4, '0')}`;
}

function decodeCodeUnit(hex: string): string {
  return String.fromCharCode(parseInt(hex, 16));
}
