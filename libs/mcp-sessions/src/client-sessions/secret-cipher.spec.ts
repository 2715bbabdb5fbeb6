import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { InvalidConfigurationError } from '../common/errors.js';
import { configuredEncryptionKeys, encryptionKeysOf } from './encryption-keys.js';
import { isSealed, SecretCipher } from './secret-cipher.js';
import { SessionDecryptionError } from './sessions.errors.js';

const PLACE = { userId: 'user', sessionId: 'session', field: 'tokens' };

describe('SecretCipher', () => {
  const key = { id: 'k1', key: randomBytes(32) };
  const cipher = new SecretCipher([key]);

  it('opens what it sealed, whatever the text', () => {
    for (const text of ['', 'hush', '🦊 日本語', 'x'.repeat(100_000)]) {
      expect(cipher.open(cipher.seal(text, PLACE), PLACE)).toBe(text);
    }
  });

  it('seals one text differently each time, and says with which key', () => {
    const sealed = Array.from({ length: 100 }, () => cipher.seal('hush', PLACE));
    expect(new Set(sealed).size).toBe(100);
    for (const one of sealed) expect(one).toMatch(/^k1:[\w-]+$/);
  });

  it('tells what is sealed, by any key, from a code verifier', () => {
    for (const id of ['k1', 'old.2025-01', '-_.'.repeat(10)]) {
      const other = new SecretCipher([{ id, key: randomBytes(32) }]);
      for (const text of ['', 'hush']) expect(isSealed(other.seal(text, PLACE))).toBe(true);
    }
    for (const text of ['', 'k1:', 'k1:hush', randomBytes(64).toString('base64url'), '~.'.repeat(64)]) {
      expect(isSealed(text)).toBe(false);
    }
  });

  it('opens no secret in another place', () => {
    const sealed = cipher.seal('hush', PLACE);
    for (const place of [
      { ...PLACE, userId: 'other' },
      { ...PLACE, sessionId: 'other' },
      { ...PLACE, field: 'headers' },
      { userId: 'use', sessionId: 'rsession', field: 'tokens' },
    ]) {
      expect(() => cipher.open(sealed, place)).toThrow(SessionDecryptionError);
    }
  });

  it('opens nothing that was changed or cut', () => {
    const sealed = cipher.seal('hush', PLACE);
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => cipher.open(`k1:${changed.toString('base64url')}`, PLACE)).toThrow(SessionDecryptionError);
      const cut = bytes.subarray(0, at).toString('base64url');
      expect(() => cipher.open(`k1:${cut}`, PLACE)).toThrow(SessionDecryptionError);
    }
  });

  it('tells its key from any other, also from one of the same id', () => {
    const keys = [key, { id: 'k2', key: key.key }, { id: 'k1', key: randomBytes(32) }];
    const sealers = [...keys.map((one) => new SecretCipher([one]).sealer), new SecretCipher([]).sealer];
    expect(new Set(sealers).size).toBe(4);
    for (const sealer of sealers) expect(sealer).toMatch(/^\S+$/);
    expect(new SecretCipher([key, ...keys.slice(1)]).sealer).toBe(cipher.sealer);
    expect(cipher.sealer).not.toContain(Buffer.from(key.key).toString('base64url').slice(0, 8));
  });

  it('says which key is missing, or wrong, and nothing of what the secret is', () => {
    const sealed = cipher.seal('hush', PLACE);
    const open = (keys: (typeof key)[]) => () => new SecretCipher(keys).open(sealed, PLACE);
    expect(open([])).toThrow('The stored tokens is encrypted with the key "k1", but no keys are configured');
    expect(open([{ id: 'k2', key: key.key }])).toThrow('but the configured keys are "k2"');
    expect(open([{ id: 'k1', key: randomBytes(32) }])).toThrow('another key has that id');
  });
});

describe('encryptionKeysOf', () => {
  const base64 = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');

  it('reads keys, the first one first', () => {
    const keys = encryptionKeysOf(`new:${base64(32)}, old.2025-01:${base64(32).replace(/=+$/, '')}`);
    expect(keys.map(({ id, key }) => [id, key.byteLength])).toEqual([
      ['new', 32],
      ['old.2025-01', 32],
    ]);
    expect(encryptionKeysOf('')).toEqual([]);
  });

  it.each([
    ['no id', base64(32)],
    ['an empty id', `:${base64(32)}`],
    ['an id with a space', `a b:${base64(32)}`],
    ['a short key', `a:${base64(31)}`],
    ['a long key', `a:${base64(33)}`],
    ['no key', 'a:'],
    ['no base64', `a:${'?'.repeat(44)}`],
    ['an id twice', `a:${base64(32)},a:${base64(32)}`],
    ['a comma too many', `a:${base64(32)},`],
  ])('refuses %s, and does not tell the key', (_problem, text) => {
    expect(() => encryptionKeysOf(text, 'KEYS')).toThrow(InvalidConfigurationError);
    expect(() => encryptionKeysOf(text, 'KEYS')).toThrow(/^KEYS: key [12] /);
    expect(() => encryptionKeysOf(text, 'KEYS')).not.toThrow(base64(32).slice(0, 10));
  });

  it('takes the keys of the environment, unless an option says otherwise', () => {
    process.env['MCP_SESSIONS_ENCRYPTION_KEYS'] = `env:${base64(32)}`;
    try {
      expect(configuredEncryptionKeys(undefined).map(({ id }) => id)).toEqual(['env']);
      expect(configuredEncryptionKeys([])).toEqual([]);
      process.env['MCP_SESSIONS_ENCRYPTION_KEYS'] = 'nonsense';
      expect(() => configuredEncryptionKeys(undefined)).toThrow(
        'MCP_SESSIONS_ENCRYPTION_KEYS: key 1 is not id:',
      );
    } finally {
      delete process.env['MCP_SESSIONS_ENCRYPTION_KEYS'];
    }
  });
});
