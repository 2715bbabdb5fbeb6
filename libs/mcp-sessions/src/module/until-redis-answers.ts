import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidConfigurationError } from '../common/errors.js';
import { inTime } from '../mcp/in-time.js';
import { messageOf } from '../redis/client-error.js';
import type { RedisClient } from '../redis/redis-client.interface.js';
import { reasonOf } from './reason-of.js';

/** How long a start waits for Redis. */
const START_TIMEOUT_MS = 10_000;
const RETRY_MS = 250;

/** What Redis says to a client that it does not let in, and to one that may not do what it asks. No waiting mends that. */
const NOT_LET_IN = /^(WRONGPASS|NOAUTH)\b/;
const NOT_ALLOWED = /^NOPERM|ACL failure in script|can't run this command/;
/** What a replica says to writes. It may be about to become the primary. */
const IS_REPLICA = /^READONLY\b/;

const logger = new Logger('McpSessionsModule');

/**
 * Waits until Redis answers, for ten seconds at most.
 *
 * @param what what the application wants Redis for, as an option: `store` or `stream`
 * @param clients the clients that `ask` uses, which know best why there is no answer
 * @param ask what has to succeed; the last attempt may still be under way when this rejects
 * @throws InvalidConfigurationError it does not, it is too old or a replica, it refuses the user, or the client cannot
 *   be used with it
 */
export async function untilRedisAnswers(
  what: string,
  clients: readonly RedisClient[],
  ask: () => Promise<unknown>,
): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  const troubles = clients.map((client) => new ConnectionTrouble(client));
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // A command may be allowed to take longer than the start.
        await inTime(ask(), giveUpAt - Date.now(), () => new Error('no reply'));
        return;
      } catch (cause) {
        if (cause instanceof InvalidConfigurationError) throw cause;
        const reason = troubles.find(({ last }) => last !== undefined)?.last ?? reasonOf(cause);
        const complaint = complaintOf(reason, Date.now() + RETRY_MS >= giveUpAt);
        if (complaint) {
          throw new InvalidConfigurationError(`The Redis of the option \`${what}\` ${complaint}`, { cause });
        }
        if (attempt === 1)
          logger.warn(`The Redis of the option \`${what}\` does not answer yet (${reason}); waiting for it`);
        await delay(RETRY_MS);
      }
    }
  } finally {
    for (const trouble of troubles) trouble.forget();
  }
}

/** What is wrong with Redis and how to mend it, if waiting does not help, or has been tried for long enough. */
function complaintOf(reason: string, isOverdue: boolean): string | undefined {
  if (NOT_LET_IN.test(reason)) return `does not let the client in (${reason}): check user and password.`;
  if (NOT_ALLOWED.test(reason)) {
    return `refuses what sessions need (${reason}): let the user do it, or take another one.`;
  }
  if (!isOverdue) return undefined;
  if (IS_REPLICA.test(reason)) {
    return `is a replica, which takes no writes (${reason}): give the address of the primary.`;
  }
  const seconds = START_TIMEOUT_MS / 1_000;
  return `has not answered for ${seconds} seconds (${reason}): start it, or change its address.`;
}

/** What keeps a client from its server: a command that fails says at best that there was no connection. */
class ConnectionTrouble {
  last: string | undefined;

  constructor(private readonly client: RedisClient) {
    // Errors of a client that nobody listens to have effects of their own, which are the application's to choose.
    if ((client as Partial<NodeJS.EventEmitter>).listenerCount?.('error') === 0) return;
    client.on('error', this.onError);
    client.on('connect', this.onConnect);
  }

  forget(): void {
    this.client.off('error', this.onError);
    this.client.off('connect', this.onConnect);
  }

  private readonly onError = (error: unknown): void => {
    this.last = messageOf(error);
  };

  private readonly onConnect = (): void => {
    this.last = undefined;
  };
}
