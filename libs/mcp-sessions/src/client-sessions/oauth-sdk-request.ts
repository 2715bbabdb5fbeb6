import { mayBeSent } from './oauth-issuer.js';
import { OAuthCallbackError, OAuthRefreshError } from './oauth.errors.js';
import { authenticateClient } from './oauth-token-request.js';
import { tokensOf, type StoredTokens } from './oauth-tokens.js';
import type {
  OAuthClientInformation,
  OAuthDiscoveryState,
  OAuthServerMetadata,
} from './oauth-types.interface.js';
import type { Session } from './sessions.interface.js';

/** A token request that an SDK is about to send. */
export interface SdkTokenRequest {
  headers: Headers;
  params: URLSearchParams;
  url: string | URL;
  metadata?: Pick<OAuthServerMetadata, 'token_endpoint_auth_methods_supported'>;
}

/**
 * Adds the session's credentials to a token request of an SDK. Another instance may have moved on since the SDK looked.
 *
 * @throws OAuthCallbackError the session has another authorization server now
 */
export function addClient(session: Session, request: SdkTokenRequest): void {
  if (!add(session, request)) throw new OAuthCallbackError(MOVED);
}

/**
 * Adds the session's credentials to a refresh request of an SDK, with the newest refresh token.
 *
 * @returns the tokens that this is of
 * @throws OAuthRefreshError the session has another authorization server now, or no refresh token
 */
export function addRefreshToken(session: Session, request: SdkTokenRequest): StoredTokens {
  const tokens = tokensOf(session);
  if (tokens?.refresh_token === undefined) {
    throw new OAuthRefreshError('The session has no refresh token any more');
  }
  if (!add(session, request, tokens)) throw new OAuthRefreshError(MOVED);
  request.params.set('refresh_token', tokens.refresh_token);
  return tokens;
}

const MOVED = 'The session has another authorization server now';

/** @returns whether that may be */
function add(
  { clientInformation, discoveryState }: Session,
  { headers, params, url, metadata }: SdkTokenRequest,
  tokens?: StoredTokens,
): boolean {
  const client = clientInformation as OAuthClientInformation | null | undefined;
  const discovery = discoveryState as OAuthDiscoveryState | null | undefined;
  if (!mayBeSent([client, tokens], discovery, url)) return false;
  if (client) authenticateClient(client, headers, params, metadata);
  return true;
}
