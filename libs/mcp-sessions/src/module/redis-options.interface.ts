import type { RedisClient } from '../redis/redis-client.interface.js';
import type { RedisStreamManagerConfig } from '../streams/redis-stream-manager.js';

/** A session store in Redis or Valkey. */
export interface RedisStoreOption {
  type: 'redis';
  /** `redis://` or `rediss://`; the library makes a client of its own. Environment: `MCP_SESSIONS_REDIS_URL`, `REDIS_URL`. */
  url?: string;
  /** A client of the application, used as it is: for Cluster, Sentinel, or to share a connection. */
  client?: RedisClient;
  /** What the names of all keys begin with. Default `mcp:session:`, and the registration's name if it has one. */
  prefix?: string;
  /**
   * How long a session lives unused that the application stores with `set`, in seconds. Default `idleTimeoutMs`. Those
   * that the module stores live for `idleTimeoutMs`, whatever this is.
   */
  ttl?: number;
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
}

/** A stream manager in Redis or Valkey. Give a `url`, or both clients. */
export interface RedisStreamOption extends Partial<RedisStreamManagerConfig> {
  type: 'redis';
  /** As for the store. */
  url?: string;
  /**
   * How long what is known of a session's streams outlives their last use, in seconds; never less than
   * `replay.maxAgeMs`. Default `idleTimeoutMs`.
   */
  ttl?: number;
}
