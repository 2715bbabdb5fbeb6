import { inRedis } from '../lib/calls.mjs';
import { withChildren } from '../lib/child.mjs';
import { startRedis } from '../lib/redis-server.mjs';

/** The median time of the n-th request of a session on an instance on which it was not opened. @param {number} n */
function requestElsewhere(n) {
  return (
    /** @type {any} */ { sessions },
    /** @type {import('../lib/redis-server.mjs').RedisServer} */ redis,
  ) =>
    withChildren(async (start) => {
      await redis.empty();
      const env = inRedis(redis.port);
      const [opened, elsewhere, client] = await Promise.all([
        start('apps/ours.mjs', { env }),
        start('apps/ours.mjs', { env }),
        start('clients/tool-calls.mjs'),
      ]);
      const ports = { port: opened.info.port, callPort: elsewhere.info.port };
      await client.call('open', { ...ports, sessions: sessions / 2 }); // to warm up
      for (let call = 0; call < 3; call++) await client.call('callInTurn');
      await client.call('open', { ...ports, sessions });
      for (let call = 1; call < n; call++) await client.call('callInTurn');
      return { value: await client.call('callInTurn') };
    });
}

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'redis-first-request-elsewhere',
  what: 'the first tools/call of a session on an instance that has not seen it, one at a time',
  against: 'the third one there',
  unit: 'ms',
  target: { atMost: 3 },
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)', '@nestjs/core (ours)', '@modelcontextprotocol/server'],
  sizes: { full: { pairs: 7, sessions: 400 }, quick: { pairs: 3, sessions: 200 } },
  share: startRedis,
  measure: { ours: requestElsewhere(1), theirs: requestElsewhere(3) },
};
