import { withChildren } from './child.mjs';

/**
 * The time of one cleanup.
 * @param {string} app
 * @param {(size: any) => { sessions: number, expired: number, warmUp: number, rounds: number }} loadOf
 */
export function measureCleanup(app, loadOf) {
  return (/** @type {any} */ size, /** @type {import('./redis-server.mjs').RedisServer} */ redis) =>
    withChildren(async (start) => {
      await redis.empty();
      const env = { BENCH_REDIS_PORT: `${redis.port}`, MCP_USE_ANONYMIZED_TELEMETRY: 'false' };
      const child = await start(app, { env });
      const { sessions, expired, warmUp, rounds } = loadOf(size);
      await child.call('fill', { sessions, expired, rounds: warmUp + rounds });
      await child.call('measure', { rounds: warmUp, expired });
      return { value: await child.call('measure', { rounds, expired }) };
    });
}
