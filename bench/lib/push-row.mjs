import { withChildren } from './child.mjs';
import { requireOpenFiles } from './machine.mjs';

/**
 * @typedef {object} PushSize
 * @property {number} streams
 * @property {number} burst Events sent in one tick.
 * @property {number} warmUp Rounds before the clock starts.
 * @property {number} rounds Rounds measured.
 */

/**
 * CPU of the server process per event and stream. A round sends one burst; the next one starts when every stream
 * has received it, so that nothing waits in a buffer, on either side.
 * @param {import('./child.mjs').Child} server @param {import('./child.mjs').Child} client
 * @param {PushSize} size @param {number} sentBefore @param {string} [through]
 */
async function measureRounds(server, client, { streams, burst, rounds }, sentBefore, through) {
  const bytesBefore = (await client.call('stats')).bytes;
  const cpuBefore = await server.call('cpu');
  const start = performance.now();
  for (let round = 1; round <= rounds; round++) {
    await server.call('push', { count: burst, through });
    await client.call('waitForEvents', { events: sentBefore + round * burst, timeoutMs: 60_000 });
  }
  const elapsedMs = performance.now() - start;
  const cpu = (await server.call('cpu')) - cpuBefore;
  const { bytes } = await client.call('stats');
  const delivered = streams * burst * rounds;
  return { value: cpu / delivered, elapsedMs, bytesPerEvent: (bytes - bytesBefore) / delivered };
}

/**
 * @param {string} app @param {boolean} sessions Whether each stream needs a session.
 * @param {string[]} ways What to send through; the first one counts, the others are noted beside it.
 */
function measurePush(app, sessions, ways) {
  return (/** @type {PushSize} */ size) =>
    withChildren(async (start) => {
      requireOpenFiles(size.streams + 500);
      const [server, client] = await Promise.all([start(app), start('clients/sse-streams.mjs')]);
      await client.call('open', { port: server.info.port, count: size.streams, sessions });
      let sent = 0;
      const figures = [];
      for (const way of ways) {
        await measureRounds(server, client, { ...size, rounds: size.warmUp }, sent, way);
        sent += size.warmUp * size.burst;
        figures.push(await measureRounds(server, client, size, sent, way));
        sent += size.rounds * size.burst;
      }
      const [{ value, ...details }, ...others] = figures;
      const beside = Object.fromEntries(others.map((figure, i) => [ways[i + 1], figure.value]));
      return { value, ...details, ...beside };
    });
}

/** Both sides of a push row. */
export const push = {
  ours: measurePush('apps/ours.mjs', true, ['notifyAll', 'send']),
  theirs: measurePush('apps/express-sse.mjs', false, ['response.write']),
};

export const PUSH_PACKAGES = ['nestjs-mcp-sessions', '@nestjs/core (ours)', 'express (ours)', 'express'];
