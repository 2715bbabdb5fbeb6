import { randomBytes } from 'node:crypto';

/** 144 bits from a cryptographic source, in letters, digits, `-` and `_`. */
export function generateSessionId(): string {
  return randomBytes(18).toString('base64url');
}
