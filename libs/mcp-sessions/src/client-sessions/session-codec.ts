import { logSafeId } from '../common/log-safe-id.js';
import { configuredEncryptionKeys } from './encryption-keys.js';
import { SecretCipher } from './secret-cipher.js';
import { currentTransportType } from './session-rules.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { InvalidSessionError, SessionsUnavailableError } from './sessions.errors.js';
import type { Session } from './sessions.interface.js';

/** Fields that are credentials, or that lead to them. */
export const SECRET_FIELDS = [
  'headers',
  'clientInformation',
  'tokens',
  'codeVerifier',
  'oauthState',
  'discoveryState',
] as const satisfies (keyof Session)[];

/** A session as it is stored, beside its user and session id: fields in the clear, and encrypted ones. */
export interface StoredSession {
  fields: Omit<Session, 'userId' | 'sessionId'>;
  sealed?: Partial<Record<keyof Session, string>>;
}

/** Turns sessions into the text that backends store, and back. */
export class SessionCodec {
  private readonly cipher: SecretCipher;

  /** @throws InvalidConfigurationError the encryption keys are malformed */
  constructor(options: SessionsOptions) {
    this.cipher = new SecretCipher(configuredEncryptionKeys(options.encryptionKeys));
  }

  /**
   * The session as text, its credentials encrypted if there is a key.
   *
   * @throws InvalidSessionError JSON cannot carry the session
   */
  encode({ userId, sessionId, ...fields }: Session): string {
    const stored: StoredSession = { fields };
    try {
      if (this.cipher.encrypts) this.seal(stored, userId, sessionId);
      return JSON.stringify(stored);
    } catch (cause) {
      throw notJson(cause);
    }
  }

  /**
   * The session of a text.
   *
   * @throws SessionDecryptionError a credential does not decrypt
   * @throws SessionsUnavailableError the text is damaged
   */
  decode(userId: string, sessionId: string, text: string): Session {
    const { fields, sealed = {} } = parse(text, sessionId);
    // Nobody else has these fields: copying them would be the larger part of reading a hundred sessions.
    const session = Object.assign(fields, { userId, sessionId });
    session.transportType = currentTransportType(session.transportType);
    for (const [field, secret] of Object.entries(sealed)) {
      const json = this.cipher.open(secret, { userId, sessionId, field });
      (session as Record<string, unknown>)[field] = JSON.parse(json);
    }
    return session;
  }

  private seal(stored: StoredSession, userId: string, sessionId: string): void {
    for (const field of SECRET_FIELDS) {
      const { [field]: secret, ...fields } = stored.fields;
      if (secret === undefined) continue;
      const sealed = this.cipher.seal(JSON.stringify(secret), { userId, sessionId, field });
      stored.fields = fields as StoredSession['fields'];
      stored.sealed = { ...stored.sealed, [field]: sealed };
    }
  }
}

/**
 * A copy of a session or of a part of one, as JSON carries it.
 *
 * @throws InvalidSessionError JSON cannot carry it
 */
export function copyOf<T extends Partial<Session>>(session: T): T {
  try {
    return JSON.parse(JSON.stringify(session)) as T;
  } catch (cause) {
    throw notJson(cause);
  }
}

/** Whether a value is a session as `encode` writes them. */
export function isStoredSession(value: unknown): value is StoredSession {
  const { fields, sealed = {} } = (value ?? {}) as Partial<StoredSession>;
  return typeof fields === 'object' && fields !== null && typeof sealed === 'object' && sealed !== null;
}

/** What a stored session says of its end: see `endOf`. */
export function expiresAtOf({ fields }: StoredSession): number | undefined {
  return fields.expiresAt ?? undefined;
}

/** @param sessionId `undefined`: the record does not even say whose it is */
export function damagedRecord(sessionId: string | undefined): SessionsUnavailableError {
  const whose = sessionId === undefined ? 'a session' : `session ${logSafeId(sessionId)}`;
  return new SessionsUnavailableError(`The record of ${whose} is damaged`);
}

/** JSON cannot carry a session, for this reason. */
export function notJson(cause: unknown): InvalidSessionError {
  return new InvalidSessionError('A session must be data that JSON can carry', { cause });
}

function parse(text: string, sessionId: string): StoredSession {
  try {
    const stored: unknown = JSON.parse(text);
    if (isStoredSession(stored)) return stored;
  } catch {
    // The error's message quotes the text, and with it credentials: what is thrown below says what there is to say.
  }
  throw damagedRecord(sessionId);
}
