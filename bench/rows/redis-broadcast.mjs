import { SIDES, STREAM_ROW, reachMany } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  name: 'redis-broadcast',
  what: 'time until one broadcast has reached 10,000 sessions in two processes',
  against: "mcp-use's RedisStreamManager, on node-redis",
  unit: 'ms',
  target: { atMost: 0.02 },
  sizes: {
    full: { pairs: 7, sessions: 10_000, rounds: 10 },
    quick: { pairs: 3, sessions: 10_000, rounds: 3 },
  },
  measure: { ours: reachMany(SIDES.ours, 'all'), theirs: reachMany(SIDES.mcpUse, 'all') },
};
