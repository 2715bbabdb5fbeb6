import { measureCalls, oneServer } from '../lib/calls.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'tools-call',
  what: 'tools/call per second, memory store, 32 sessions at once',
  against: "SDK v2's own sessions on Express",
  unit: 'requests/s',
  target: { atLeast: 0.9 },
  packages: [
    'nestjs-mcp-sessions',
    '@nestjs/core (ours)',
    '@modelcontextprotocol/server',
    '@modelcontextprotocol/node',
    '@modelcontextprotocol/express',
    'express (ours)',
    'express',
  ],
  sizes: {
    full: { pairs: 7, sessions: 32, warmUpSeconds: 4, seconds: 8 },
    quick: { pairs: 3, sessions: 32, warmUpSeconds: 2, seconds: 3 },
  },
  measure: {
    ours: measureCalls(oneServer('apps/ours.mjs')),
    theirs: measureCalls(oneServer('apps/sdk-express.mjs')),
  },
};
