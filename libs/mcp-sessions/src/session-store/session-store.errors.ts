import { McpSessionsError } from '../common/errors.js';

/**
 * The store cannot be reached, or does not answer. It says nothing about whether the session exists: the HTTP
 * layer answers 503 with `Retry-After`, never 404.
 */
export class SessionStoreUnavailableError extends McpSessionsError {
  constructor(message = 'The session store cannot be reached', options?: ErrorOptions) {
    super('SESSION_STORE_UNAVAILABLE', message, options);
  }
}

/** The metadata cannot be stored: JSON cannot carry it (a cycle, a BigInt), or it lacks `lastAccessedAt`. */
export class InvalidSessionMetadataError extends McpSessionsError {
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_SESSION_METADATA', message, options);
  }
}

/** The lifetime given for a session is not a positive, finite number of milliseconds. */
export class InvalidSessionTtlError extends McpSessionsError {
  constructor(readonly ttlMs: unknown) {
    super(
      'INVALID_SESSION_TTL',
      `The lifetime of a session must be a positive number of milliseconds, not ${String(ttlMs)}`,
    );
  }
}
