/* What a cleanup has to do that finds the idle sessions with the methods of mcp-use's store. */
import { RedisSessionStore } from 'mcp-use/server';
import { createClient } from 'redis';
import { serveCommands } from '../lib/commands.mjs';
import { metadata, sessionIds } from '../lib/session-metadata.mjs';

const DAY_MS = 86_400_000;
const IN_FLIGHT = 64;

const client = createClient({ url: `redis://127.0.0.1:${process.env.BENCH_REDIS_PORT}` });
await client.connect();
const store = new RedisSessionStore({ client: /** @type {any} */ (client) });

/** @param {number} expired How many of them were last used a day ago. @param {string[]} ids */
async function set(ids, expired) {
  for (let from = 0; from < ids.length; from += 1_000) {
    await Promise.all(
      ids.slice(from, from + 1_000).map((id, index) => {
        const age = from + index < expired ? DAY_MS : 0;
        return store.set(id, { ...metadata(), lastAccessedAt: Date.now() - age });
      }),
    );
  }
}

async function cleanUp() {
  const ids = await store.keys();
  let removed = 0;
  const work = async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const session = await store.get(id);
      if (!session || Date.now() - session.lastAccessedAt < DAY_MS / 2) continue;
      await store.delete(id);
      removed++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return removed;
}

serveCommands({
  /** @param {{ sessions: number }} size */
  fill: ({ sessions }) => set(sessionIds(sessions), 0),

  /** @param {{ rounds: number, expired: number }} size @returns the time of a run, in milliseconds */
  async measure({ rounds, expired }) {
    let ms = 0;
    for (let round = 0; round < rounds; round++) {
      await set(sessionIds(expired), expired);
      const start = performance.now();
      const removed = await cleanUp();
      ms += performance.now() - start;
      if (removed !== expired) throw new Error(`${removed} of ${expired} expired sessions were removed`);
    }
    return ms / rounds;
  },
});
