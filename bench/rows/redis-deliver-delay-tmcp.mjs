import { SIDES, TMCP_ROW, delayOfEvents } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...TMCP_ROW,
  name: 'redis-deliver-delay-tmcp',
  what: 'median time from send to the connection in another process, one event at a time, replay on',
  against: '@tmcp/session-manager-redis (no replay)',
  unit: 'ms',
  target: { atMost: 1.25 },
  sizes: {
    full: { pairs: 7, sessions: 100, warmUp: 500, events: 2_000 },
    quick: { pairs: 3, sessions: 100, warmUp: 300, events: 500 },
  },
  measure: { ours: delayOfEvents(SIDES.ours), theirs: delayOfEvents(SIDES.tmcp) },
};
