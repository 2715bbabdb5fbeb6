import { measureCleanup } from '../lib/cleanup-row.mjs';
import { startRedis } from '../lib/redis-server.mjs';

const APP = 'apps/cleanup-ours.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'redis-cleanup-nothing-expired',
  what: 'time of a cleanup with nothing expired, at 100,000 sessions',
  against: 'the same at 1,000 sessions',
  unit: 'ms',
  target: { atMost: 1.25 },
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)'],
  sizes: {
    full: { pairs: 7, sessions: 100_000, warmUp: 5_000, rounds: 20_000 },
    quick: { pairs: 3, sessions: 100_000, warmUp: 500, rounds: 2_000 },
  },
  share: startRedis,
  measure: {
    ours: measureCleanup(APP, (size) => ({ ...size, expired: 0 })),
    theirs: measureCleanup(APP, (size) => ({ ...size, sessions: size.sessions / 100, expired: 0 })),
  },
};
