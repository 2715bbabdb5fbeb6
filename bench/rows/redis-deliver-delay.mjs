import { SIDES, STREAM_ROW, delayOfEvents } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...STREAM_ROW,
  name: 'redis-deliver-delay',
  what: 'median time from send to the connection in another process, one event at a time, replay on',
  against: "mcp-use's RedisStreamManager, on node-redis (no replay)",
  unit: 'ms',
  target: { atMost: 1.25 },
  sizes: {
    full: { pairs: 7, sessions: 100, warmUp: 500, events: 2_000 },
    quick: { pairs: 3, sessions: 100, warmUp: 300, events: 500 },
  },
  measure: { ours: delayOfEvents(SIDES.ours), theirs: delayOfEvents(SIDES.mcpUse) },
};
