import type { Request } from 'express';

/** What the SDKs' bearer authentication leaves on a request. */
interface AuthInfo {
  clientId?: string;
  extra?: { iss?: unknown; sub?: unknown };
}

/**
 * The owner that an access token names: issuer and subject, which stay the same when the token is refreshed, or
 * else the OAuth client. `undefined` for a request without a token. A `|` inside of a part is escaped, so that no two
 * owners look alike.
 */
export function principalOf(request: Request): string | undefined {
  const { auth } = request as unknown as { auth?: AuthInfo };
  const { iss, sub } = auth?.extra ?? {};
  if (typeof sub === 'string') return `${typeof iss === 'string' ? escapePart(iss) : ''}|${escapePart(sub)}`;
  return auth?.clientId === undefined ? undefined : escapePart(auth.clientId);
}

function escapePart(part: string): string {
  return part.replaceAll('%', '%25').replaceAll('|', '%7C');
}
