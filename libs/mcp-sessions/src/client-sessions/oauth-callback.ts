import { randomBytes, timingSafeEqual } from 'node:crypto';
import { isIssuerOf } from './oauth-issuer.js';
import { OAuthCallbackError } from './oauth.errors.js';
import type { OAuthDiscoveryState } from './oauth-types.interface.js';
import type { Session } from './sessions.interface.js';

/** What a session keeps of an authorization under way. */
interface OAuthState {
  /** The `state` parameter. */
  state: string;
  /** Whether a callback has brought it back: then its code may be exchanged, and no other callback is accepted. */
  accepted?: boolean;
}

/** What a callback brings: the parameters that `finishAuth` of the SDKs takes. */
export interface OAuthCallback {
  code: string;
  iss?: string;
}

/** A `state` parameter that nobody can guess, and that says which session it belongs to. */
export function newState(sessionId: string): string {
  return `${randomBytes(32).toString('base64url')}.${Buffer.from(sessionId).toString('base64url')}`;
}

/**
 * The id of the session that a `state` parameter was made for, so that one callback route can serve all connections
 * of a user. It proves nothing: `acceptCallback` does.
 *
 * @returns `undefined` if it is not a `state` of this library
 */
export function sessionIdOfState(state: string): string | undefined {
  const [, encoded] = /^[\w-]{43}\.([\w-]*)$/.exec(state) ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString();
}

/** Whether a callback was accepted whose code has not been exchanged yet. */
export function hasAcceptedCallback({ oauthState }: Session): boolean {
  return (oauthState as OAuthState | undefined)?.accepted === true;
}

/** @returns the session's OAuth state once the callback has been accepted */
export function acceptedState({ oauthState }: Session): OAuthState {
  return { ...(oauthState as OAuthState), accepted: true };
}

/**
 * Examines a callback: its `state` (RFC 6749, section 10.12), then its `iss` (RFC 9207), then what it says.
 *
 * @throws OAuthCallbackError it is not the answer to this session's authorization, or the user was refused
 */
export function examineCallback(params: URLSearchParams, session: Session): OAuthCallback {
  const expected = session.oauthState as OAuthState | null | undefined;
  if (!expected) throw new OAuthCallbackError('No authorization is under way for this session');
  if (!isSame(params.get('state') ?? '', expected.state)) {
    throw new OAuthCallbackError('The callback does not carry the state of this authorization');
  }
  if (expected.accepted)
    throw new OAuthCallbackError('There has been a callback of this authorization already');
  const iss = examineIssuer(params, session.discoveryState as OAuthDiscoveryState | null | undefined);
  const error = params.get('error');
  if (error !== null) throw new OAuthCallbackError(`The authorization server has refused: ${error}`, error);
  const code = params.get('code');
  if (!code) throw new OAuthCallbackError('The callback carries neither a code nor an error');
  return { code, iss };
}

function examineIssuer(
  params: URLSearchParams,
  discovery: OAuthDiscoveryState | null | undefined,
): string | undefined {
  const iss = params.get('iss') ?? undefined;
  if (!discovery) return iss;
  const metadata = discovery.authorizationServerMetadata;
  const isAnswer =
    iss === undefined
      ? metadata?.authorization_response_iss_parameter_supported !== true
      : isIssuerOf(iss, discovery);
  if (isAnswer) return iss;
  throw new OAuthCallbackError('The callback does not come from the authorization server that was asked');
}

function isSame(one: string, other: string): boolean {
  const [bytes, otherBytes] = [Buffer.from(one), Buffer.from(other)];
  return bytes.length === otherBytes.length && timingSafeEqual(bytes, otherBytes);
}
