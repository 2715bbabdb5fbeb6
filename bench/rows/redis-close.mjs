import { SIDES, STREAM_ROW, closeStreams } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  name: 'redis-close',
  what: 'time that close takes, 10,000 streams',
  against: "mcp-use's RedisStreamManager, on node-redis",
  unit: 'ms',
  target: { atMost: 0.05 },
  sizes: {
    full: { pairs: 7, streams: 10_000 },
    quick: { pairs: 3, streams: 2_000 },
  },
  measure: { ours: closeStreams(SIDES.ours), theirs: closeStreams(SIDES.mcpUse) },
};
