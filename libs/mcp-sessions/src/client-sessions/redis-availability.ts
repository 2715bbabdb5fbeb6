import { McpSessionsError } from '../common/errors.js';
import { replyCodeOf } from '../redis/client-error.js';
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
    const code = replyCodeOf(cause);
    const what = code === undefined ? 'cannot be reached' : `has answered with an error: ${code}`;
    throw new SessionsUnavailableError(`Redis ${what}`, { cause });
  }
}
