/** A Redis server that this process started. */
export interface RedisProcess {
  /** Where it answers. */
  readonly url: string;
  readonly pid: number;
  /** Ends it, and waits until it has. */
  stop(): Promise<void>;
}

/**
 * Starts a Redis server on a free port, which keeps its data in memory only and ends with this process. The program is
 * what the environment calls `REDIS_SERVER`, or `redis-server`.
 * @throws {Error} there is no such program, or it ended
 */
export function startRedis(): Promise<RedisProcess>;
