import { randomBytes } from 'node:crypto';
import { InvalidConfigurationError } from '../../common/errors.js';
import type { RedisClient } from '../../redis/redis-client.interface.js';
import type { Retention } from '../event-log.js';
import { retentionOf } from '../retention.js';
import type { ReplayOptions } from '../stream-manager.interface.js';

/** Heartbeats in which every stream is checked once: in a Cluster, where one node may lose a message to another. */
const SHORT_CHECK_ROUND = 6;
/**
 * The same elsewhere, at most: a message is lost there together with the connection, which shows, or with all that
 * follow it, which the probe of the next heartbeat finds. Either has all streams checked at once.
 */
const LONG_CHECK_ROUND = 30;
/** The longest delay that Node's timers take, in seconds. */
const LONGEST_TIMER_S = Math.floor(2 ** 31 / 1_000) - 1;

/** Options of `RedisStreamManager`. */
export interface RedisStreamManagerConfig {
  /** The client that commands go through. The manager neither configures nor closes it. */
  client: RedisClient;
  /** A second client, which only listens to channels. */
  pubSubClient: RedisClient;
  /** What the names of all keys and channels begin with. Default `mcp:stream:`. */
  prefix?: string;
  /** How often this instance tells the others that it lives, in seconds. Default 10. */
  heartbeatInterval?: number;
  /**
   * What is kept of each stream for resuming, `{ maxEvents: 256, maxAgeMs: 600_000 }` by default; `false` keeps
   * nothing: an event reaches the connection that is there, or nobody.
   */
  replay?: ReplayOptions | false;
  /** How long what is known of a session's streams outlives their last use, in seconds. Default 3,600. */
  ttl?: number;
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
}

/** What the parts of a `RedisStreamManager` have to know. */
export interface RedisStreamSettings {
  /** Random, so that a restarted instance is another one. */
  instanceId: string;
  heartbeatMs: number;
  /** Heartbeats in which every stream is checked once. */
  checkRound: number;
  /** How long a session's records outlive their last use, in milliseconds. */
  ttlMs: number;
  /** What is kept for resuming; `undefined`: nothing. */
  replay: Retention | undefined;
  /** `maxAgeMs` of `replay`; without replay, something that no harm comes of. */
  maxAgeMs: number;
}

/** @throws InvalidConfigurationError an option has a value that it cannot have */
export function settingsOf(
  { heartbeatInterval = 10, ttl = 3_600, replay = {} }: RedisStreamManagerConfig,
  isCluster: boolean,
): RedisStreamSettings {
  for (const [name, value, most] of [
    ['heartbeatInterval', heartbeatInterval, LONGEST_TIMER_S],
    ['ttl', ttl, Number.MAX_SAFE_INTEGER / 1_000],
  ] as const) {
    if (!(value > 0 && value <= most)) {
      throw new InvalidConfigurationError(
        `${name} must be a number of seconds above 0, and at most ${most}; it is ${value}.`,
      );
    }
  }
  const retention = replay === false ? undefined : retentionOf(replay);
  // Redis takes whole milliseconds.
  const maxAgeMs = Math.ceil(retention?.maxAgeMs ?? 60_000);
  const heartbeatMs = Math.max(heartbeatInterval * 1_000, 1);
  // What a message did not bring must still be in the log when that is looked for.
  const heartbeatsOfLog = Math.floor(maxAgeMs / 2 / heartbeatMs);
  const checkRound = isCluster
    ? SHORT_CHECK_ROUND
    : Math.min(Math.max(heartbeatsOfLog, SHORT_CHECK_ROUND), LONG_CHECK_ROUND);
  return {
    instanceId: randomBytes(9).toString('base64url'),
    heartbeatMs,
    checkRound,
    // A stream that is held is looked after once in a round of heartbeats, and must not expire before that.
    ttlMs: Math.ceil(Math.max(ttl * 1_000, maxAgeMs, 2 * checkRound * heartbeatMs)),
    replay: retention && { ...retention, maxAgeMs },
    maxAgeMs,
  };
}

/** Called with what failed although nobody had asked for it. */
export type ReportFailure = (failure: string, error: unknown) => void;
