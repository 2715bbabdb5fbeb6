import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidConfigurationError } from '../common/errors.js';
import { reasonOf } from './reason-of.js';

/** How long a start waits for Redis. */
const START_TIMEOUT_MS = 10_000;
const RETRY_MS = 250;

const logger = new Logger('McpSessionsModule');

/**
 * Waits until Redis answers, for ten seconds at most.
 *
 * @param what what the application wants Redis for, as an option: `store` or `stream`
 * @throws InvalidConfigurationError it does not, it refuses the user, or it is too old
 */
export async function untilRedisAnswers(what: string, ask: () => Promise<unknown>): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ask();
      return;
    } catch (error) {
      if (error instanceof InvalidConfigurationError) throw error;
      if (isRefusal(reasonOf(error))) {
        throw new InvalidConfigurationError(
          `The Redis of the option \`${what}\` refuses what sessions need (${reasonOf(error)}): ` +
            "correct the user's name and password, or what the user may do.",
          { cause: error },
        );
      }
      if (Date.now() + RETRY_MS >= giveUpAt) {
        throw new InvalidConfigurationError(
          `The Redis of the option \`${what}\` has not answered for ${START_TIMEOUT_MS / 1_000} seconds ` +
            `(${reasonOf(error)}): ` +
            'start it, or change its address.',
          { cause: error },
        );
      }
      if (attempt === 1)
        logger.warn(`The Redis of the option \`${what}\` does not answer yet; waiting for it`);
      await delay(RETRY_MS);
    }
  }
}

/** Whether the server is there, and does not let the user do what was asked. No waiting mends that. */
function isRefusal(reason: string): boolean {
  return /^(NOPERM|NOAUTH|WRONGPASS)|ACL failure in script|can't run this command/.test(reason);
}
