/** The response header that says which instance answered, by its origin. */
export const SERVED_BY: 'x-served-by';

/** A load balancer without any affinity: each HTTP request goes to the next instance. */
export interface RoundRobinProxy {
  /** Where it listens. */
  readonly origin: string;
  /** Breaks all connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Bodies are passed on as they come, both ways; a connection that breaks on one side is broken on the other. An instance
 * that does not listen is skipped. A request that may have reached one is never sent to another.
 * @param targets origins of the instances; read at each request, so a test may change them
 * @param options where to listen; default 127.0.0.1, and a free port
 */
export function startRoundRobinProxy(
  targets: string[],
  options?: { host?: string; port?: number },
): Promise<RoundRobinProxy>;
