import type { Request } from 'express';

/** What the SDKs' bearer authentication leaves on a request. */
interface AuthInfo {
  clientId?: string;
  extra?: { iss?: unknown; sub?: unknown };
}

/**
 * The owner that an access token names: issuer and subject, which stay the same when the token is refreshed, or
 * else the OAuth client. `undefined` for a request without a token.
 */
export function principalOf(request: Request): string | undefined {
  const { auth } = request as Request & { auth?: AuthInfo };
  const { iss, sub } = auth?.extra ?? {};
  if (typeof sub === 'string') return `${typeof iss === 'string' ? iss : ''}|${sub}`;
  return auth?.clientId;
}
