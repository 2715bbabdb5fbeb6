import { MANY, filledRow } from '../lib/client-sessions-row.mjs';

export default filledRow(
  {
    name: 'client-sessions-list-all-ids',
    what: 'time that sessions.listAllIds takes, of 100,000 sessions of 1,000 users',
    against: 'storage.getAllSessionIds of @mcp-ts/sdk',
    unit: 'ms',
    target: { atMost: 0.05 },
    sizes: { full: { pairs: 5, ...MANY }, quick: { pairs: 2, ...MANY } },
  },
  async (child, size) => {
    const { ms, worstGetMs } = await child.call('listAllIds', size);
    return { value: ms, worstGetMs };
  },
);
