/**
 * The root of every error this library throws. `code` is stable across versions; match on it, not on the
 * message. The original error, if there is one, is in `cause`.
 */
export class McpSessionsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The configuration given to the module or to a class is wrong; the message says what is allowed. */
export class InvalidConfigurationError extends McpSessionsError {
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_CONFIGURATION', message, options);
  }
}

/** There is no such session: it was never made, was deleted, or has ended. */
export class SessionNotFoundError extends McpSessionsError {
  constructor(
    /** The ids that were not found. They are credentials: keep them out of logs. */
    readonly sessionIds: readonly string[],
  ) {
    super('SESSION_NOT_FOUND', `${sessionIds.length} session(s) not found`);
  }
}
