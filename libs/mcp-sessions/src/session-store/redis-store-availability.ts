import { McpSessionsError } from '../common/errors.js';
import { RedisCommandTimeoutError } from '../redis/redis.errors.js';
import { SessionStoreUnavailableError } from './session-store.errors.js';

/** The answer of Redis, or a rejection that says that the store cannot be reached. */
export function available<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw unavailable(error);
  });
}

/** A mistake in the configuration stays what it is: no waiting mends it. */
export function unavailable(cause: unknown): McpSessionsError {
  if (cause instanceof McpSessionsError && !(cause instanceof RedisCommandTimeoutError)) return cause;
  return new SessionStoreUnavailableError(undefined, { cause });
}
