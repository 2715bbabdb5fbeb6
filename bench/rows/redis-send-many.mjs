import { SIDES, STREAM_ROW, reachMany } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  name: 'redis-send-many',
  what: 'time until one send has reached 1,000 sessions of another process',
  against: "mcp-use's RedisStreamManager, on node-redis",
  unit: 'ms',
  target: { atMost: 0.05 },
  sizes: {
    full: { pairs: 7, sessions: 1_000, rounds: 15 },
    quick: { pairs: 3, sessions: 1_000, rounds: 5 },
  },
  measure: { ours: reachMany(SIDES.ours, 'named'), theirs: reachMany(SIDES.mcpUse, 'named') },
};
