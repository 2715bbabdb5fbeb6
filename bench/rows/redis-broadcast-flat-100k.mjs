import { SIDES, STREAM_ROW, broadcastCost } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)'],
  name: 'redis-broadcast-flat-100k',
  what: 'CPU per broadcast of an instance with 1,000 streams, 100,000 sessions on another instance',
  against: 'the same with 1,000 sessions on another instance',
  unit: 'µs',
  target: { atMost: 1.25 },
  sizes: {
    full: { pairs: 5, own: 1_000, warmUp: 100, rounds: 100 },
    quick: { pairs: 3, own: 1_000, warmUp: 50, rounds: 30 },
  },
  measure: { ours: broadcastCost(SIDES.ours, 100_000), theirs: broadcastCost(SIDES.ours, 1_000) },
};
