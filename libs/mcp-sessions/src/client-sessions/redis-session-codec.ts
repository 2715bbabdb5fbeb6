import { configuredEncryptionKeys } from './encryption-keys.js';
import type { RedisSessionPatch, RedisSessionRecord } from './redis-session-record.js';
import { isSealed, NO_SEALER, SecretCipher, type SecretPlace } from './secret-cipher.js';
import { damagedRecord, notJson, SECRET_FIELDS } from './session-codec.js';
import { currentTransportType, type SessionChanges } from './session-rules.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { SessionDecryptionError } from './sessions.errors.js';
import type { Session } from './sessions.interface.js';

type Fields = Record<string, unknown>;

/** Fields as a `RedisSessionPatch` has them. */
type EncodedChanges = Pick<RedisSessionPatch, 'names' | 'lines'>;

/** What a record has in its header or in its place, and `createdAt`, in whose line the JSON object begins. */
const NOT_IN_LINES: ReadonlySet<string> = new Set<keyof Session>([
  'userId',
  'sessionId',
  'createdAt',
  'status',
  'expiresAt',
]);

const SECRETS: ReadonlySet<string> = new Set(SECRET_FIELDS);

/**
 * Turns sessions into the text of records, and back. The text is a JSON object of lines: `{"createdAt":…`, then
 * `,"name":…` for each other field, and `}`. So a script finds a field and replaces it without knowing JSON, which has no
 * line breaks of its own. What the record's header says is not in the text; an `updatedAt` that `create` was given is.
 */
export class RedisSessionCodec {
  private readonly cipher: SecretCipher;

  /** @throws InvalidConfigurationError the encryption keys are malformed */
  constructor(options: SessionsOptions) {
    this.cipher = new SecretCipher(configuredEncryptionKeys(options.encryptionKeys));
  }

  /** What this codec seals credentials with: see {@link SecretCipher.sealer}. */
  get sealer(): string {
    return this.cipher.sealer;
  }

  /**
   * The session's text, its credentials encrypted if there is a key.
   *
   * @throws InvalidSessionError JSON cannot carry the session
   */
  encode(session: Session): string {
    const { lines } = this.encodeChanges(session.userId, session.sessionId, session);
    return `{"createdAt":${session.createdAt}\n${lines}}`;
  }

  /**
   * The names of fields that change, and the lines of those that are not cleared.
   *
   * @throws InvalidSessionError JSON cannot carry a value
   */
  encodeChanges(userId: string, sessionId: string, changes: SessionChanges): EncodedChanges {
    const names: string[] = [];
    let lines = '';
    try {
      for (const field of Object.keys(changes)) {
        if (NOT_IN_LINES.has(field)) continue;
        const json = JSON.stringify((changes as Fields)[field]) as string | undefined;
        if (json === undefined) continue;
        const name = quoted(field);
        names.push(name);
        if (json === 'null') continue;
        lines += `,${name}:${this.cipher.encrypts ? this.sealed(json, { userId, sessionId, field }) : json}\n`;
      }
    } catch (cause) {
      throw notJson(cause);
    }
    return { names, lines };
  }

  /**
   * The session of a record.
   *
   * @throws SessionDecryptionError a credential does not decrypt
   * @throws SessionsUnavailableError the record is damaged
   */
  decode(userId: string, sessionId: string, record: RedisSessionRecord): Session {
    const { isActive, end, sealer, updatedAt, text } = record;
    const session = parse(text, sessionId);
    session.userId = userId;
    session.sessionId = sessionId;
    session.status = isActive ? 'active' : 'pending';
    if (!isActive) session.expiresAt = end;
    if (updatedAt !== undefined) session.updatedAt = updatedAt;
    session.transportType = currentTransportType(session.transportType);
    if (sealer === NO_SEALER) refuseSealed(session);
    else this.open(session);
    return session;
  }

  private sealed(json: string, place: SecretPlace): string {
    return SECRETS.has(place.field) ? `"${this.cipher.seal(json, place)}"` : json;
  }

  private open(session: Session): void {
    const { userId, sessionId } = session;
    const fields = session as unknown as Fields;
    for (const field of SECRET_FIELDS) {
      const sealed = fields[field];
      if (sealed === undefined) continue;
      if (typeof sealed !== 'string') throw damagedRecord(sessionId);
      fields[field] = JSON.parse(this.cipher.open(sealed, { userId, sessionId, field }));
    }
  }
}

/** The header says that nothing is sealed, and anybody who writes to Redis can change it. */
function refuseSealed(session: Session): void {
  for (const field of SECRET_FIELDS) {
    const secret: unknown = session[field];
    if (typeof secret !== 'string' || !isSealed(secret)) continue;
    throw new SessionDecryptionError(field, `The stored ${field} is encrypted, but its record denies that`);
  }
}

/** A field's name as JSON, without spaces: they separate names. */
function quoted(name: string): string {
  return /^\w+$/.test(name) ? `"${name}"` : `"${name.replace(/\W/g, escapedUnit)}"`;
}

function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function parse(text: string, sessionId: string): Session {
  try {
    // The script that updates sessions asks for this end, too.
    if (text.endsWith('\n}')) return JSON.parse(text) as Session;
  } catch {
    // The error's message quotes the text, and with it credentials: what is thrown below says what there is to say.
  }
  throw damagedRecord(sessionId);
}
