import { inRedis, measureCalls, oneServer } from '../lib/calls.mjs';
import { startRedis } from '../lib/redis-server.mjs';
import toolsCall from './tools-call.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...toolsCall,
  name: 'redis-tools-call',
  what: 'tools/call per second, store and streams in Redis with replay, 32 sessions at once',
  against: "SDK v2's own sessions on Express, in memory",
  target: { atLeast: 0.6 },
  packages: [...toolsCall.packages, 'ioredis (ours)'],
  share: startRedis,
  measure: {
    ours: measureCalls(async (start, redis) => {
      const server = await start('apps/ours.mjs', { env: inRedis(redis.port) });
      return { port: server.info.port, servers: [server] };
    }),
    theirs: measureCalls(oneServer('apps/sdk-express.mjs')),
  },
};
