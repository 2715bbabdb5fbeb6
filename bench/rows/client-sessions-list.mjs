import { FEWER, MANY, filledRow } from '../lib/client-sessions-row.mjs';

export default filledRow(
  {
    name: 'client-sessions-list',
    what: 'sessions.list per second, of a user with 100 sessions, of 100,000 in all; one at a time',
    against: 'storage.getIdentitySessionsData of @mcp-ts/sdk',
    unit: 'lists/s',
    target: { atLeast: 10 },
    sizes: {
      full: { pairs: 9, ...MANY, warmUp: 300, count: 1_000 },
      quick: { pairs: 5, ...FEWER, warmUp: 150, count: 500 },
    },
  },
  (child, size) => child.call('list', size),
);
