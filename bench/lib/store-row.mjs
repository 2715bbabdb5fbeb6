import { withChildren } from './child.mjs';
import { startRedis } from './redis-server.mjs';

/** What measures one side: an application that serves `measure`. @param {string} app @param {object} clientOptions */
function measureStore(app, clientOptions) {
  return (/** @type {any} */ { load }, /** @type {import('./redis-server.mjs').RedisServer} */ redis) =>
    withChildren(async (start) => {
      await redis.empty();
      const child = await start(app, { env: { MCP_USE_ANONYMIZED_TELEMETRY: 'false' } });
      return child.call('measure', { port: redis.port, clientOptions, load });
    });
}

/** @param {import('./store-probe.mjs').StoreLoad['operation']} operation @param {number} inFlight */
function sizesOf(operation, inFlight) {
  const load = { operation, inFlight, warmUpMs: 700, ms: 1_500 };
  return { full: { pairs: 7, load }, quick: { pairs: 3, load: { ...load, warmUpMs: 300, ms: 500 } } };
}

/**
 * The row of one operation against what an application without the library writes: the same command on the same
 * client, and JSON.
 * @param {import('./store-probe.mjs').StoreLoad['operation']} operation
 * @param {number} inFlight
 * @param {{ autoPipelining?: boolean }} [options]
 * @returns {import('./row.mjs').Row}
 */
export function storeRow(operation, inFlight, { autoPipelining = false } = {}) {
  const client = { enableAutoPipelining: autoPipelining };
  const command = { get: 'GET', set: 'SET … PX', touch: 'EVALSHA of the same script' }[operation];
  const way = autoPipelining ? ', auto-pipelined' : '';
  return {
    name: `redis-store-${operation}-${inFlight}${autoPipelining ? '-pipelined' : ''}`,
    what: `RedisSessionStore.${operation} per second, ${inFlight} in flight${way}`,
    against: `raw ioredis, ${command} and JSON of the same metadata`,
    unit: 'operations/s',
    target: { atLeast: 0.9 },
    packages: ['nestjs-mcp-sessions', 'ioredis (ours)'],
    sizes: sizesOf(operation, inFlight),
    share: startRedis,
    measure: {
      ours: measureStore('apps/redis-store-ours.mjs', client),
      theirs: measureStore('apps/redis-store-raw.mjs', client),
    },
  };
}

/** @returns {import('./row.mjs').Row} */
export function touchAgainstMcpUse() {
  return {
    name: 'redis-store-touch-64-mcp-use',
    what: 'RedisSessionStore.touch per second, 64 in flight',
    against: "get and set of mcp-use's RedisSessionStore, on node-redis",
    unit: 'operations/s',
    target: { atLeast: 2 },
    packages: ['nestjs-mcp-sessions', 'ioredis (ours)', 'mcp-use', 'redis'],
    sizes: sizesOf('touch', 64),
    share: startRedis,
    measure: {
      ours: measureStore('apps/redis-store-ours.mjs', {}),
      theirs: measureStore('apps/redis-store-mcp-use.mjs', {}),
    },
  };
}
