import { tokenEndpointOf } from './oauth-issuer.js';
import { OAuthRefreshError } from './oauth.errors.js';
import type {
  OAuthClientInformation,
  OAuthDiscoveryState,
  OAuthServerMetadata,
  OAuthTokens,
} from './oauth-types.interface.js';

/** How long an authorization server may take to answer, in milliseconds. */
export const ANSWER_WITHIN_MS = 10_000;

/** The answers that say that the authorization server will never accept these credentials again. */
export const FINAL_REFUSALS = ['invalid_grant', 'invalid_client', 'unauthorized_client'];

/** What became of a request for fresh tokens. */
export type RefreshOutcome = { tokens: OAuthTokens } | { refusal: string };

/** What a request for fresh tokens takes. */
export interface RefreshRequest {
  refreshToken: string;
  client: OAuthClientInformation;
  discovery: OAuthDiscoveryState;
  fetch: typeof fetch;
}

/**
 * Asks the authorization server for fresh tokens (RFC 6749, section 6; RFC 8707).
 *
 * @throws OAuthRefreshError it could not be reached, or has a problem of its own
 */
export async function requestRefresh({
  refreshToken,
  client,
  discovery,
  fetch,
}: RefreshRequest): Promise<RefreshOutcome> {
  const { authorizationServerMetadata: metadata, resourceMetadata } = discovery;
  const url = secureUrl(tokenEndpointOf(discovery));
  const params = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  if (resourceMetadata) params.set('resource', resourceMetadata.resource);
  const headers = new Headers({
    'Content-Type': 'application/x-www-form-urlencoded',
    Accept: 'application/json',
  });
  authenticateClient(client, headers, params, metadata);
  const answer = await post(fetch, url, headers, params);
  if (typeof answer['access_token'] === 'string') {
    // Servers that do not rotate refresh tokens leave them out.
    return {
      tokens: { refresh_token: refreshToken, token_type: 'Bearer', ...answer } as unknown as OAuthTokens,
    };
  }
  const error = String(answer['error']);
  if (FINAL_REFUSALS.includes(error)) return { refusal: error };
  throw new OAuthRefreshError(`The authorization server has not refreshed the token: ${error}`);
}

/** Adds the client's credentials to a token request, as the official SDKs do (RFC 6749, section 2.3). */
export function authenticateClient(
  { client_id, client_secret, token_endpoint_auth_method: registered }: OAuthClientInformation,
  headers: Headers,
  params: URLSearchParams,
  metadata?: Pick<OAuthServerMetadata, 'token_endpoint_auth_methods_supported'>,
): void {
  const supported = metadata?.token_endpoint_auth_methods_supported ?? [];
  const isSupported = (method: string): boolean => supported.length === 0 || supported.includes(method);
  const preferred = ['client_secret_basic', 'client_secret_post'].find(isSupported) ?? 'client_secret_post';
  const method = registered !== undefined && isSupported(registered) ? registered : preferred;
  if (client_secret !== undefined && method === 'client_secret_basic') {
    headers.set('Authorization', `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`);
    return;
  }
  params.set('client_id', client_id);
  if (client_secret !== undefined && method === 'client_secret_post')
    params.set('client_secret', client_secret);
}

async function post(
  send: typeof fetch,
  url: URL,
  headers: Headers,
  body: URLSearchParams,
): Promise<Record<string, unknown>> {
  let status: number | undefined;
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    // A redirect would carry the refresh token to who knows where.
    const response = await send(url, { method: 'POST', headers, body, redirect: 'error', signal });
    status = response.status;
    return (await response.json()) as Record<string, unknown>;
  } catch (cause) {
    const problem = status === undefined ? 'cannot be reached' : `has answered ${status} without JSON`;
    throw new OAuthRefreshError(`The authorization server ${problem}`, { cause });
  }
}

/** @throws OAuthRefreshError tokens would travel in clear text */
function secureUrl(text: string): URL {
  const url = new URL(text);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'https:' || isLoopback) return url;
  throw new OAuthRefreshError(`The token endpoint ${url.origin} is not encrypted`);
}
