import { SIDES, STREAM_ROW, deliverEvents } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  name: 'redis-deliver-plain',
  what: 'events per second from one process to the streams of another, 1,000 sessions, 64 in flight, replay off',
  against: "mcp-use's RedisStreamManager, on node-redis",
  unit: 'events/s',
  target: { atLeast: 3 },
  sizes: {
    full: { pairs: 7, sessions: 1_000, inFlight: 64, warmUp: 20_000, events: 100_000 },
    quick: { pairs: 3, sessions: 1_000, inFlight: 64, warmUp: 10_000, events: 30_000 },
  },
  measure: { ours: deliverEvents(SIDES.oursWithoutReplay), theirs: deliverEvents(SIDES.mcpUse) },
};
