import { McpSessionsError } from '../common/errors.js';

/** A callback of an authorization server is not to be trusted, or says that the user was refused. */
export class OAuthCallbackError extends McpSessionsError {
  constructor(
    message: string,
    /** The `error` of the authorization server (RFC 6749, section 4.1.2.1), once it is known to be its own. */
    readonly error?: string,
  ) {
    super('OAUTH_CALLBACK_REFUSED', message);
  }
}

/**
 * A token that has expired or was rejected could not be refreshed, although the authorization server has not refused to.
 * The session is as it was. `cause` is the error of the request, of the lock or of the storage, where it is known.
 */
export class OAuthRefreshError extends McpSessionsError {
  constructor(message: string, options?: ErrorOptions) {
    super('OAUTH_REFRESH_FAILED', message, options);
  }
}

/** The user has to authorize the connection, and the provider is not to start that: `interactive` is `false`. */
export class AuthorizationRequiredError extends McpSessionsError {
  constructor() {
    super('AUTHORIZATION_REQUIRED', 'The user has to authorize the connection');
  }
}
