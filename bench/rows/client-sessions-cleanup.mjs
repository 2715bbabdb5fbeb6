import { MANY, filledRow } from '../lib/client-sessions-row.mjs';

export default filledRow(
  {
    name: 'client-sessions-cleanup',
    what: 'time that sessions.cleanupExpired takes, 1,000 sessions expired of 100,000, each of another user',
    against: 'storage.cleanupExpiredSessions of @mcp-ts/sdk',
    unit: 'ms',
    target: { atMost: 0.02 },
    sizes: { full: { pairs: 5, ...MANY, ended: 1_000 }, quick: { pairs: 2, ...MANY, ended: 1_000 } },
  },
  (child, size) => child.call('cleanup', size),
);
