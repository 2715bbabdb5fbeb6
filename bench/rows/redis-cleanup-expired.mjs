import { measureCleanup } from '../lib/cleanup-row.mjs';
import { startRedis } from '../lib/redis-server.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'redis-cleanup-expired',
  what: 'time of a cleanup with 1,000 expired among 100,000 sessions',
  against: "`keys` and `get` of each of mcp-use's RedisSessionStore, 64 at a time",
  unit: 'ms',
  target: { atMost: 0.02 },
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)', 'mcp-use', 'redis'],
  sizes: {
    full: { pairs: 7, sessions: 100_000, expired: 1_000, warmUp: 20, rounds: 12 },
    quick: { pairs: 3, sessions: 100_000, expired: 1_000, warmUp: 10, rounds: 2 },
  },
  share: startRedis,
  measure: {
    ours: measureCleanup('apps/cleanup-ours.mjs', (size) => size),
    theirs: measureCleanup('apps/cleanup-mcp-use.mjs', (size) => size),
  },
};
