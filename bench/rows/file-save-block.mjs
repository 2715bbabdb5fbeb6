import { withChildren } from '../lib/child.mjs';

/** @param {string} app */
function measureSave(app) {
  return (/** @type {any} */ size) =>
    withChildren(async (start) => {
      // mcp-use reports its use over the network unless it is told not to.
      const child = await start(app, { env: { MCP_USE_ANONYMIZED_TELEMETRY: 'false' } });
      return child.call('measure', size);
    });
}

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'file-save-block',
  what: 'longest block of the event loop while 20,000 sessions are saved to a file',
  against: "mcp-use's FileSystemSessionStore",
  unit: 'ms',
  target: { atMost: 0.2 },
  packages: ['nestjs-mcp-sessions', 'mcp-use'],
  sizes: {
    full: { pairs: 7, sessions: 20_000, saves: 5 },
    quick: { pairs: 3, sessions: 20_000, saves: 3 },
  },
  measure: {
    ours: measureSave('apps/file-store-ours.mjs'),
    theirs: measureSave('apps/file-store-mcp-use.mjs'),
  },
};
