import { isBoundTo, isOfIssuer } from './oauth-issuer.js';
import type { OAuthDiscoveryState, OAuthTokens } from './oauth-types.interface.js';
import type { Session } from './sessions.interface.js';

/** Tokens as a session keeps them. */
export interface StoredTokens extends OAuthTokens {
  /** When the access token expires, in milliseconds since the epoch; absent if the server does not say. */
  expires_at?: number;
}

/** Part of an access token's lifetime that is left when it is refreshed, at most. */
const REFRESH_PART = 0.1;

/** The session's tokens, if there are any and they are of this authorization server. */
export function tokensOf(session: Session, issuer?: string): StoredTokens | undefined {
  const tokens = session.tokens as StoredTokens | null | undefined;
  return tokens && isOfIssuer(tokens, issuer) ? tokens : undefined;
}

/** Whether the session has a refresh token that may be sent to its authorization server. */
export function holdsRefreshToken(session: Session): boolean {
  const tokens = tokensOf(session);
  const discovery = session.discoveryState as OAuthDiscoveryState | null | undefined;
  return tokens?.refresh_token !== undefined && (!discovery || isBoundTo(tokens, discovery));
}

/** The tokens as a session keeps them; `expires_in` has no meaning later. */
export function storedTokens(tokens: OAuthTokens, now: number): StoredTokens {
  const { expires_in, ...stored }: StoredTokens = { ...tokens, expires_at: undefined };
  // Some servers send it as text.
  const seconds = Number(expires_in);
  if (expires_in === undefined || !Number.isFinite(seconds)) return stored;
  return { ...stored, expires_in: seconds, expires_at: now + seconds * 1_000 };
}

/** The tokens as they are now: `expires_in` counts from here. */
export function currentTokens({ expires_at, ...tokens }: StoredTokens, now: number): OAuthTokens {
  if (expires_at === undefined) return tokens;
  return { ...tokens, expires_in: Math.max(0, Math.floor((expires_at - now) / 1_000)) };
}

/** Whether the access token is so close to its end, or past it, that it is time to refresh it. */
export function isDueForRefresh(
  { expires_at, expires_in = 0 }: StoredTokens,
  earlyMs: number,
  now: number,
): boolean {
  if (expires_at === undefined) return false;
  return now >= expires_at - Math.min(earlyMs, expires_in * 1_000 * REFRESH_PART);
}

/** Whether the access token has expired. */
export function hasExpired({ expires_at }: StoredTokens, now: number): boolean {
  return expires_at !== undefined && now >= expires_at;
}
