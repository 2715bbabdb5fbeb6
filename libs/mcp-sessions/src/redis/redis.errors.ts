import { McpSessionsError } from '../common/errors.js';

/** Redis has not answered a command within the command timeout. It may have run the command all the same. */
export class RedisCommandTimeoutError extends McpSessionsError {
  constructor(readonly timeoutMs: number) {
    super('REDIS_COMMAND_TIMEOUT', `Redis has not answered within ${timeoutMs} ms`);
  }
}
