import { McpSessionsError } from '../common/errors.js';
import { RedisCommandTimeoutError } from '../redis/redis.errors.js';
import { SessionsUnavailableError } from './sessions.errors.js';

/**
 * What Redis answers.
 *
 * @throws SessionsUnavailableError it has not answered, or with an error; a mistake in the configuration stays what it
 *   is, since no waiting mends it
 */
export async function available<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof McpSessionsError && !(cause instanceof RedisCommandTimeoutError)) throw cause;
    throw new SessionsUnavailableError('Redis cannot be reached', { cause });
  }
}
