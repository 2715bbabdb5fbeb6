import { SIDES, STREAM_ROW, createStreams } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  name: 'redis-stream-create',
  what: 'streams opened per second, 64 in flight',
  against: "mcp-use's RedisStreamManager, on node-redis",
  unit: 'streams/s',
  target: { atLeast: 3 },
  sizes: {
    full: { pairs: 7, streams: 10_000, warmUp: 5_000 },
    quick: { pairs: 3, streams: 2_000, warmUp: 2_000 },
  },
  measure: { ours: createStreams(SIDES.ours), theirs: createStreams(SIDES.mcpUse) },
};
