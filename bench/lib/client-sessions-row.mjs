import { withChildren } from './child.mjs';
import { startRedis } from './redis-server.mjs';

/**
 * @typedef {import('./child.mjs').Child} Child
 * @typedef {import('./redis-server.mjs').RedisServer} RedisServer
 * @typedef {import('./pairs.mjs').Figure} Figure
 * @typedef {'ours' | 'theirs'} Side
 * @typedef {(child: Child, size: any, redis: RedisServer) => Promise<Figure>} Work
 */

const APPS = { ours: 'apps/client-sessions-ours.mjs', theirs: 'apps/client-sessions-mcp-ts.mjs' };

/** What `list`, `listAllIds` and `cleanupExpired` are measured with. */
export const MANY = { sessions: 100_000, users: 1_000 };
export const FEWER = { sessions: 20_000, users: 200 };

/** Runs `work` in a process of its own, which keeps its sessions in this Redis. @param {Side} side @param {RedisServer} redis @param {(child: Child) => Promise<any>} work */
function withSide(side, redis, work) {
  const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  return withChildren(async (start) => work(await start(APPS[side], { env })));
}

/** A Redis for each side, since what the one keeps would slow the other's scans down. */
async function startRedisForEach() {
  const [ours, theirs] = await Promise.all([startRedis(), startRedis()]);
  const stop = async () => void (await Promise.all([ours.stop(), theirs.stop()]));
  return { ours, theirs, stop };
}

/** The same, with sessions in it. @param {any} size */
async function startFilledRedisForEach(size) {
  const both = await startRedisForEach();
  try {
    const sides = /** @type {Side[]} */ (['ours', 'theirs']);
    await Promise.all(sides.map((side) => withSide(side, both[side], (child) => child.call('fill', size))));
    return both;
  } catch (error) {
    await both.stop();
    throw error;
  }
}

/** @param {Work} work @returns {import('./row.mjs').Row['measure']} */
function measureBoth(work) {
  /** @param {Side} side @returns {import('./row.mjs').Measure} */
  const measure = (side) => (size, redis) =>
    withSide(side, redis[side], (child) => work(child, size, redis[side]));
  return { ours: measure('ours'), theirs: measure('theirs') };
}

const PACKAGES = ['nestjs-mcp-sessions', '@mcp-ts/sdk', 'ioredis (ours)'];

/**
 * A row about sessions that are there already: they are stored once, and every measurement finds them.
 * @param {Pick<import('./row.mjs').Row, 'name' | 'what' | 'against' | 'unit' | 'target' | 'sizes'>} row
 * @param {Work} work
 * @returns {import('./row.mjs').Row}
 */
export function filledRow(row, work) {
  return { ...row, packages: PACKAGES, share: startFilledRedisForEach, measure: measureBoth(work) };
}

/**
 * The row of one operation, each on a session of its own.
 * @param {import('./client-sessions-probe.mjs').Operation} operation
 * @param {string} equivalent The peer's name for it.
 * @returns {import('./row.mjs').Row}
 */
export function operationRow(operation, equivalent) {
  const load = { operation, inFlight: 64, users: 1_000, warmUp: 5_000, count: 40_000 };
  return {
    name: `client-sessions-${operation}`,
    what: `sessions.${operation} per second, 64 in flight`,
    against: `storage.${equivalent} of @mcp-ts/sdk`,
    unit: 'operations/s',
    target: { atLeast: 1 },
    packages: PACKAGES,
    sizes: {
      full: { pairs: 7, load },
      quick: { pairs: 3, load: { ...load, warmUp: 2_000, count: 10_000 } },
    },
    share: startRedisForEach,
    measure: measureBoth(async (child, { load }, redis) => {
      const figure = await child.call('operations', load);
      await child.stop();
      await redis.empty();
      return figure;
    }),
  };
}

/**
 * Memory that each session takes in Redis.
 * @returns {import('./row.mjs').Row}
 */
export function memoryRow() {
  return {
    name: 'client-sessions-memory',
    what: 'memory in Redis per session',
    against: 'the same sessions stored by @mcp-ts/sdk',
    unit: 'bytes',
    target: { atMost: 1 },
    packages: PACKAGES,
    sizes: { full: { pairs: 5, ...MANY }, quick: { pairs: 1, ...FEWER } },
    share: startRedisForEach,
    measure: measureBoth(async (child, size, redis) => {
      const { memoryBytes: before } = await redis.usage();
      await child.call('fill', size);
      await child.stop();
      await redis.quiet();
      const { memoryBytes: after } = await redis.usage();
      await redis.empty();
      return { value: (after - before) / size.sessions };
    }),
  };
}
