import type { OAuthDiscoveryState } from './oauth-types.interface.js';

/** A credential, with the authorization server that it comes from, if that is known. */
type Credential = { issuer?: string } | null | undefined;

/** Whether a credential may be shown to this authorization server. One that no issuer is known of may. */
export function isOfIssuer(credential: { issuer?: string }, issuer: string | undefined): boolean {
  if (issuer === undefined || credential.issuer === undefined) return true;
  return withoutSlash(credential.issuer) === withoutSlash(issuer);
}

/**
 * Whether a credential may be sent to the authorization server that was found. What counts is where it was found: v1
 * of the SDK believes whatever issuer a server's metadata name.
 */
export function isOfServer(credential: { issuer?: string }, discovery: OAuthDiscoveryState): boolean {
  return isOfIssuer(credential, discovery.authorizationServerUrl);
}

/**
 * Whether this is the issuer of the server that was found: its metadata say so, and were found there (RFC 8414,
 * section 3.3). A server that names another's issuer could pass for the one whom a user was sent to.
 */
export function isIssuerOf(issuer: string, discovery: OAuthDiscoveryState): boolean {
  const named = discovery.authorizationServerMetadata?.issuer ?? issuer;
  return issuer === named && isOfServer({ issuer }, discovery);
}

/** Where token requests are sent, by the SDKs too. */
export function tokenEndpointOf({
  authorizationServerMetadata,
  authorizationServerUrl,
}: OAuthDiscoveryState): string {
  return authorizationServerMetadata?.token_endpoint ?? new URL('/token', authorizationServerUrl).href;
}

/**
 * Whether an SDK would send a credential to the authorization server that was found. v2 has examined the issuer of its
 * metadata, or was told not to, and binds credentials to that.
 */
export function isBoundTo(credential: Credential, discovery: OAuthDiscoveryState): boolean {
  const { authorizationServerUrl, authorizationServerMetadata: metadata } = discovery;
  const names = [authorizationServerUrl, metadata?.issuer ?? authorizationServerUrl];
  return !credential || names.some((name) => isOfIssuer(credential, name));
}

/** Whether an SDK's token request goes to the authorization server that was found, and the credentials are of it. */
export function mayBeSent(
  credentials: Credential[],
  discovery: OAuthDiscoveryState | null | undefined,
  tokenEndpoint: string | URL,
): boolean {
  if (!discovery || new URL(tokenEndpointOf(discovery)).href !== new URL(tokenEndpoint).href) return false;
  return credentials.every((credential) => isBoundTo(credential, discovery));
}

/** The SDKs write one issuer with and without a slash at its end. */
function withoutSlash(issuer: string): string {
  return issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;
}
