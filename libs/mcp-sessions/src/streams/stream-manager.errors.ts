import { McpSessionsError } from '../common/errors.js';
import type { StreamRef } from './stream-manager.interface.js';

/** The event id is malformed, or was not made for this session. Answered with HTTP 400. */
export class InvalidEventIdError extends McpSessionsError {
  constructor() {
    super('INVALID_EVENT_ID', 'The event id is malformed or belongs to another session');
  }
}

/** Nothing is left of a request's stream: it cannot be replayed, and its response will never come. */
export class StreamLostError extends McpSessionsError {
  constructor(readonly stream: StreamRef) {
    super('STREAM_LOST', 'The stream is no longer kept, and its response can no longer be delivered');
  }
}

/** The stream manager cannot be reached. Answered with HTTP 503. */
export class StreamManagerUnavailableError extends McpSessionsError {
  constructor(message = 'The stream manager cannot be reached', options?: ErrorOptions) {
    super('STREAM_MANAGER_UNAVAILABLE', message, options);
  }
}

/** Several live clients take one stream from each other. Answered with HTTP 409. */
export class StreamContendedError extends McpSessionsError {
  constructor() {
    super('STREAM_CONTENDED', 'Another client of this session keeps taking the stream over');
  }
}
