import { McpSessionsError } from '../common/errors.js';

/** The user has a session of this id already. */
export class SessionAlreadyExistsError extends McpSessionsError {
  constructor(
    /** The id that is taken. It is a credential: keep it out of logs. */
    readonly sessionId: string,
  ) {
    super('SESSION_ALREADY_EXISTS', 'The user has a session of this id already');
  }
}

/** The session cannot be stored: JSON cannot carry it, or a field is missing or not what it has to be. */
export class InvalidSessionError extends McpSessionsError {
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_SESSION', message, options);
  }
}

/** The storage cannot be reached, read or written. It says nothing about whether a session exists. */
export class SessionsUnavailableError extends McpSessionsError {
  constructor(message: string, options?: ErrorOptions) {
    super('SESSIONS_UNAVAILABLE', message, options);
  }
}

/** Another caller holds the session's lock, and has not let go of it in time. */
export class SessionLockedError extends McpSessionsError {
  constructor(
    /** How long this caller has waited, in milliseconds. */
    readonly waitedMs: number,
  ) {
    super('SESSION_LOCKED', `The session's lock has not become free within ${waitedMs} ms`);
  }
}

/** A stored credential cannot be decrypted: its key is not configured, is another one, or the record was changed. */
export class SessionDecryptionError extends McpSessionsError {
  constructor(
    /** The field of the session. */
    readonly field: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super('SESSION_DECRYPTION_FAILED', message, options);
  }
}
