import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { EncryptionKey } from './sessions-options.interface.js';
import { SessionDecryptionError } from './sessions.errors.js';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FINGERPRINT_BYTES = 6;

/** The {@link SecretCipher.sealer} of who has no key. */
export const NO_SEALER = '-';

/** A key's id, and at least nonce and tag: 28 bytes. */
const SEALED = /^[\w.-]{1,32}:[\w-]{38,}$/;

/** Where a secret belongs. A sealed secret that is moved anywhere else does not open. */
export interface SecretPlace {
  userId: string;
  sessionId: string;
  field: string;
}

/**
 * Encrypts credentials with AES-256-GCM. A sealed secret is `keyId:base64url(nonce, ciphertext, tag)`; its nonce is
 * random, and its place is authenticated with it.
 */
export class SecretCipher {
  private readonly keys: ReadonlyMap<string, Uint8Array>;
  private readonly current: EncryptionKey | undefined;
  /**
   * Tells what this cipher seals with from anything else: the key's id and a fingerprint of the key, since another key
   * may have that id. No spaces.
   */
  readonly sealer: string;

  /** @param keys the first one encrypts, all decrypt */
  constructor(keys: readonly EncryptionKey[]) {
    this.current = keys[0];
    this.keys = new Map(keys.map(({ id, key }) => [id, key]));
    this.sealer = this.current ? `${this.current.id}.${fingerprintOf(this.current)}` : NO_SEALER;
  }

  /** Whether there is a key to encrypt with. */
  get encrypts(): boolean {
    return this.current !== undefined;
  }

  /** The sealed form of a text. Needs a key: see {@link encrypts}. */
  seal(text: string, place: SecretPlace): string {
    const { id, key } = this.current!;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(placeBytes(place));
    const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
    return `${id}:${Buffer.concat(sealed).toString('base64url')}`;
  }

  /**
   * The text of a sealed secret.
   *
   * @throws SessionDecryptionError its key is not configured or another one, or the secret was changed or moved
   */
  open(sealed: string, place: SecretPlace): string {
    const separator = sealed.indexOf(':');
    const keyId = sealed.slice(0, separator);
    const key = this.keys.get(keyId);
    if (!key) throw this.unknownKey(keyId, place.field);
    const bytes = Buffer.from(sealed.slice(separator + 1), 'base64url');
    try {
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(placeBytes(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return (
        decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch (cause) {
      const message = `The stored ${place.field} does not decrypt with the key "${keyId}": another key has that id, or the record was changed`;
      throw new SessionDecryptionError(place.field, message, { cause });
    }
  }

  private unknownKey(keyId: string, field: string): SessionDecryptionError {
    const known = [...this.keys.keys()].join('", "');
    const configured = known === '' ? 'no keys are configured' : `the configured keys are "${known}"`;
    return new SessionDecryptionError(
      field,
      `The stored ${field} is encrypted with the key "${keyId}", but ${configured}`,
    );
  }
}

/** Whether a text has the form of a sealed secret, whatever its key. What OAuth calls a code verifier has another. */
export function isSealed(text: string): boolean {
  return SEALED.test(text);
}

/** Says nothing of the key: nobody can try out keys of 256 random bits. */
function fingerprintOf({ key }: EncryptionKey): string {
  const hash = createHash('sha256').update('nestjs-mcp-sessions key').update(key).digest();
  return hash.toString('base64url', 0, FINGERPRINT_BYTES);
}

function placeBytes({ userId, sessionId, field }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([userId, sessionId, field]));
}
