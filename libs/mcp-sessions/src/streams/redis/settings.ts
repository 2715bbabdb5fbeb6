import type { Retention } from '../event-log.js';

/** What the parts of a `RedisStreamManager` have to know. */
export interface RedisStreamSettings {
  /** Random, so that a restarted instance is another one. */
  instanceId: string;
  heartbeatMs: number;
  /** How long a session's records outlive their last use, in milliseconds. */
  ttlMs: number;
  /** What is kept for resuming; `undefined`: nothing. */
  replay: Retention | undefined;
  /** `maxAgeMs` of `replay`; without replay, something that no harm comes of. */
  maxAgeMs: number;
}
