import { setTimeout as sleep } from 'node:timers/promises';
import { withChildren } from '../lib/child.mjs';
import { requireOpenFiles } from '../lib/machine.mjs';

/**
 * What `streams` idle streams add to the resident memory, per stream. Some streams are opened and closed first, so
 * that code that is loaded or compiled on first use is not counted as theirs.
 * @param {string} app @param {boolean} sessions
 */
function measureIdle(app, sessions) {
  return (/** @type {any} */ { streams, warmUp, idleMs, settleRounds, runtimeIdleMs }) =>
    withChildren(async (start) => {
      requireOpenFiles(streams + 500);
      const env = runtimeIdleMs ? { BENCH_RUNTIME_IDLE_MS: String(runtimeIdleMs) } : undefined;
      const [server, client] = await Promise.all([
        start(app, { execArgv: ['--expose-gc'], env }),
        start('clients/sse-streams.mjs'),
      ]);
      const { port } = server.info;
      await client.call('open', { port, count: warmUp, sessions });
      await client.call('close', { port });
      const before = await server.call('memory', { rounds: settleRounds });
      await client.call('open', { port, count: streams, sessions });
      await sleep(idleMs);
      const after = await server.call('memory', { rounds: settleRounds });
      await client.call('stats');
      /** @param {'rss' | 'heapUsed' | 'external'} kind */
      const perStream = (kind) => (after[kind] - before[kind]) / 1024 / streams;
      return {
        value: perStream('rss'),
        heapUsed: perStream('heapUsed'),
        external: perStream('external'),
        beforeMiB: before.rss / 2 ** 20,
        afterMiB: after.rss / 2 ** 20,
      };
    });
}

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'idle-stream-rss',
  what: 'memory (RSS) per idle stream, 5,000 streams, each of a session of its own',
  against: 'Express, as many SSE responses',
  unit: 'KiB',
  target: { atMost: 1.25 },
  packages: [
    'nestjs-mcp-sessions',
    '@nestjs/core (ours)',
    '@modelcontextprotocol/server',
    'express (ours)',
    'express',
  ],
  sizes: {
    // Server objects are dropped 30 to 45 s after their last use; both sides wait until that is over.
    full: { pairs: 5, streams: 5000, warmUp: 200, idleMs: 47_000, settleRounds: 2 },
    quick: { pairs: 2, streams: 2000, warmUp: 200, idleMs: 6_000, settleRounds: 1, runtimeIdleMs: 2_000 },
  },
  together: true,
  measure: { ours: measureIdle('apps/ours.mjs', true), theirs: measureIdle('apps/express-sse.mjs', false) },
};
