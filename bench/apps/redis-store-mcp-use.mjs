import { RedisSessionStore } from 'mcp-use/server';
import { createClient } from 'redis';
import { serveCommands } from '../lib/commands.mjs';
import { measureOperations } from '../lib/store-probe.mjs';

/**
 * Its server keeps a session alive by reading it and writing it back.
 * @param {RedisSessionStore} store
 * @returns {import('../lib/store-probe.mjs').StoreOperations}
 */
function operationsOn(store) {
  return {
    get: (sessionId) => store.get(sessionId),
    set: (sessionId, data) => store.set(sessionId, data),
    touch: async (sessionId) => {
      const data = await store.get(sessionId);
      if (!data) return null;
      data.lastAccessedAt = Date.now();
      await store.set(sessionId, data);
      return data;
    },
  };
}

serveCommands({
  measure: async ({ port, load }) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    return measureOperations(
      operationsOn(new RedisSessionStore({ client: /** @type {any} */ (client) })),
      load,
    );
  },
});
