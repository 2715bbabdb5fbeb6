/** What the clients' own types ask of a listener. */
// oxlint-disable-next-line typescript/no-explicit-any -- nothing narrower is compatible with all of them
type Listener = (...args: any[]) => void;

/** A client of ioredis or iovalkey: `Redis` (also with Sentinels) or `Cluster`. */
export interface IoredisClient {
  readonly status: string;
  call(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
  subscribe(...channels: (string | Buffer)[]): Promise<unknown>;
  unsubscribe(...channels: (string | Buffer)[]): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
}

/** A client of node-redis: of `createClient`, `createCluster` or `createSentinel`. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  subscribe(...args: never[]): Promise<unknown>;
  unsubscribe(...args: never[]): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

/**
 * A Redis client of the application, taken as it is: ioredis 5 or 6, iovalkey, or node-redis 5 or 6; standalone,
 * Sentinel or Cluster. The library neither configures nor closes it.
 */
export type RedisClient = IoredisClient | NodeRedisClient;
