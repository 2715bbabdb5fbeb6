import type { OAuthClientMetadata } from './oauth-types.interface.js';

/** Options of `sessionOAuthProvider`. */
export interface SessionOAuthProviderOptions {
  /** What the client registers with authorization servers, beside its callback: name, scope and so on. */
  clientMetadata?: Partial<OAuthClientMetadata>;
  /** The https URL of a client metadata document, for authorization servers that take one as client id. */
  clientMetadataUrl?: string;
  /**
   * Whether an authorization may be started. `false` is for work in the background, with no user there: where the
   * user would have to authorize, the SDK's call rejects with `AuthorizationRequiredError`, and the session stays
   * active. Default `true`.
   */
  interactive?: boolean;
  /** Called when the user has to open this URL to authorize the connection. It is also the session's `authUrl`. */
  onRedirect?: (authorizationUrl: URL) => void | Promise<void>;
  /** How long before its end an access token is refreshed, in milliseconds; at most a tenth of its life. Default 30,000. */
  refreshEarlyMs?: number;
  /** Sends refresh requests, and what the provider's own `fetch` is given. Default: the global `fetch`. */
  fetch?: typeof fetch;
  /** The clock, in milliseconds since the epoch, for tests. Default: `Date.now`. */
  now?: () => number;
}
