import { withChildren } from '../lib/child.mjs';

/** Requests per second, after a warm-up. @param {string} app */
function measureCalls(app) {
  return (/** @type {any} */ { sessions, warmUpSeconds, seconds }) =>
    withChildren(async (start) => {
      const [server, client] = await Promise.all([start(app), start('clients/tool-calls.mjs')]);
      await client.call('open', { port: server.info.port, sessions });
      await client.call('run', { seconds: warmUpSeconds });
      const cpuBefore = await server.call('cpu');
      const { requests, elapsedMs, clientCpuShare } = await client.call('run', { seconds });
      const cpu = (await server.call('cpu')) - cpuBefore;
      return {
        value: requests / (elapsedMs / 1000),
        requests,
        serverCpuMicrosecondsPerRequest: cpu / requests,
        serverCpuShare: cpu / 1000 / elapsedMs,
        clientCpuShare,
      };
    });
}

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
  measure: { ours: measureCalls('apps/ours.mjs'), theirs: measureCalls('apps/sdk-express.mjs') },
};
