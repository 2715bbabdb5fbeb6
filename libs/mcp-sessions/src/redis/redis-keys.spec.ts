import { describe, expect, it } from '@jest/globals';
import { decodeKeyPart, encodeKeyPart, escapeGlob, sessionStoreKeys } from './redis-keys.js';

const TEXTS = [
  '', ' ', 'a', 'A', 'a:b', '*', 'a*', '?', '[a]', '{x}', '}', '{', '%', '%25', '%2', '%u0041', '%41', '\\', 'a/b',
  '__proto__', 'é', 'e\u0301', '🦊', '\ud800', '\udc00', '\ufffd', '\0', '\n', 'x'.repeat(1_000),
]; // prettier-ignore

describe('Key parts', () => {
  it('are as the text is, for the ids that are usual', () => {
    for (const id of ['5f0e2c3a-7a2b-4c59-9d43-2c0c5f1d7c11', 'aZ09_-.~']) expect(encodeKeyPart(id)).toBe(id);
  });

  it('never collide, and come back', () => {
    const parts = TEXTS.map(encodeKeyPart);
    expect(new Set(parts).size).toBe(TEXTS.length);
    expect(parts.map(decodeKeyPart)).toEqual(TEXTS);
  });

  it('are not empty, and have no character that means something in a key or in a pattern', () => {
    for (const text of TEXTS) expect(encodeKeyPart(text)).toMatch(/^[\w.~%-]+$/);
  });

  it('are nothing but what was encoded', () => {
    for (const part of ['', '%%', '%zz', '%41', '%u0041', '%2A', 'a b', '{', 'é']) {
      expect(decodeKeyPart(part)).toBeUndefined();
    }
  });
});

describe('Keys of sessions', () => {
  it('have the session id as their hash tag', () => {
    expect(sessionStoreKeys('mcp:session:').key('a')).toBe('mcp:session:{a}');
    expect(sessionStoreKeys('mcp:session:').key('')).toBe('mcp:session:{%}');
  });

  it('are told from others', () => {
    const { key, sessionIdOf } = sessionStoreKeys('p:');
    for (const text of TEXTS) expect(sessionIdOf(key(text))).toBe(text);
    for (const other of ['p:', 'p:a', 'p:{}', 'p:{a', 'p:{a}b', 'p:x{a}', 'q:{a}', 'p:{a}{b}']) {
      expect(sessionIdOf(other)).toBeUndefined();
    }
  });

  it('are found by a pattern in which the prefix stands for itself', () => {
    expect(sessionStoreKeys('a*[b]?\\').matchPattern).toBe('a\\*\\[b\\]\\?\\\\{*}');
    expect(escapeGlob('plain:{x}')).toBe('plain:{x}');
  });
});
