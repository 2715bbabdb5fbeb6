import { InvalidConfigurationError } from '../common/errors.js';
import type { EncryptionKey } from './sessions-options.interface.js';

/** The variable that gives the keys when no option does. */
export const ENCRYPTION_KEYS_VARIABLE = 'MCP_SESSIONS_ENCRYPTION_KEYS';

const KEY_BYTES = 32;

/**
 * The keys in `id:base64of32bytes[,id:base64of32bytes…]`, or those of a list once they have proved to be sound.
 *
 * @param source what the keys are called where they were given, for messages
 * @throws InvalidConfigurationError a key is malformed, or two have one id; the message holds nothing of the keys
 */
export function encryptionKeysOf(
  given: string | readonly EncryptionKey[],
  source = 'encryptionKeys',
): readonly EncryptionKey[] {
  const keys = typeof given === 'string' ? parse(given, source) : given;
  const ids = new Set<string>();
  for (const [index, { id, key }] of keys.entries()) {
    const refuse = (problem: string): never => {
      throw new InvalidConfigurationError(`${source}: key ${index + 1} ${problem}`);
    };
    if (!/^[\w.-]{1,32}$/.test(id)) refuse('has an id that is not 1 to 32 letters, digits, "-", "_" or "."');
    if (key.byteLength !== KEY_BYTES) refuse(`has ${key.byteLength} bytes; it must have ${KEY_BYTES}`);
    if (ids.has(id)) refuse('has the id of an earlier one');
    ids.add(id);
  }
  return keys;
}

/** The keys of the option, or else of the environment. */
export function configuredEncryptionKeys(
  option: string | readonly EncryptionKey[] | undefined,
): readonly EncryptionKey[] {
  if (option !== undefined) return encryptionKeysOf(option);
  return encryptionKeysOf(process.env[ENCRYPTION_KEYS_VARIABLE] ?? '', ENCRYPTION_KEYS_VARIABLE);
}

function parse(text: string, source: string): EncryptionKey[] {
  if (text.trim() === '') return [];
  return text.split(',').map((item, index) => {
    const [, id, base64] = /^([^:]*):([A-Za-z0-9+/]*={0,2})$/.exec(item.trim()) ?? [];
    if (id === undefined || base64 === undefined) {
      throw new InvalidConfigurationError(`${source}: key ${index + 1} is not id:base64of32bytes`);
    }
    return { id, key: Buffer.from(base64, 'base64') };
  });
}
