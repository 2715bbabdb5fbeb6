import { MANY, filledRow } from '../lib/client-sessions-row.mjs';

export default filledRow(
  {
    name: 'client-sessions-list-all-ids-worst-get',
    what: 'longest time that a get takes on the same connection while sessions.listAllIds is under way, of 100,000 sessions',
    against: 'storage.getSession and getAllSessionIds of @mcp-ts/sdk',
    unit: 'ms',
    target: { atMost: 0.05 },
    sizes: { full: { pairs: 5, ...MANY }, quick: { pairs: 2, ...MANY } },
  },
  async (child, size) => {
    const { ms, worstGetMs } = await child.call('listAllIds', size);
    return { value: worstGetMs, listingMs: ms };
  },
);
