import { Redis } from 'ioredis';
import { serveCommands } from '../lib/commands.mjs';
import { measureOperations } from '../lib/store-probe.mjs';

const LIFETIME_MS = 3_600_000;

// The script that the library runs.
const { TOUCH_SESSIONS } = await import(
  new URL('redis/scripts/touch-sessions.lua.js', import.meta.resolve('nestjs-mcp-sessions')).href
);

/**
 * What an application without a library writes: a line that the script wants, and JSON.
 * @param {Redis} client
 * @returns {import('../lib/store-probe.mjs').StoreOperations}
 */
function operationsOn(client) {
  client.defineCommand('touchSessions', { lua: TOUCH_SESSIONS.text });
  /** @param {string} sessionId */
  const keyOf = (sessionId) => `mcp:session:{${sessionId}}`;
  /** @param {string | null} record */
  const decode = (record) => (record === null ? null : JSON.parse(record.slice(record.indexOf('\n'))));
  return {
    get: async (sessionId) => decode(await client.get(keyOf(sessionId))),
    set: (sessionId, data) => {
      const record = `${LIFETIME_MS} ${data.lastAccessedAt}\n${JSON.stringify(data)}`;
      return client.set(keyOf(sessionId), record, 'PX', LIFETIME_MS);
    },
    touch: async (sessionId) => {
      const [record] = await /** @type {any} */ (client).touchSessions(1, keyOf(sessionId), Date.now());
      const data = decode(record);
      if (data) data.lastAccessedAt = Date.now();
      return data;
    },
  };
}

serveCommands({
  measure: ({ port, clientOptions, load }) =>
    measureOperations(operationsOn(new Redis(port, clientOptions)), load),
});
