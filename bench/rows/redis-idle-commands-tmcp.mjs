import { SIDES, TMCP_ROW, idleCommands } from '../lib/stream-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...TMCP_ROW,
  name: 'redis-idle-commands-tmcp',
  what: 'Redis commands per second of 10,000 idle streams',
  against: '@tmcp/session-manager-redis',
  unit: 'commands/s',
  target: { atMost: 0.04 },
  sizes: {
    full: { pairs: 5, streams: 10_000, settleMs: 2_000, ms: 15_000 },
    quick: { pairs: 1, streams: 2_000, settleMs: 500, ms: 10_000 },
  },
  measure: { ours: idleCommands(SIDES.ours), theirs: idleCommands(SIDES.tmcp) },
};
