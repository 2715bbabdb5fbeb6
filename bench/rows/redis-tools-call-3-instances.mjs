import { instancesBehindProxy, measureCalls } from '../lib/calls.mjs';
import { startRedis } from '../lib/redis-server.mjs';
import toolsCall from './tools-call.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  ...toolsCall,
  name: 'redis-tools-call-3-instances',
  what: 'tools/call per second, three instances behind the round-robin proxy, 32 sessions at once',
  against: 'one instance behind the same proxy, on the same cores',
  target: { atLeast: 0.8 },
  packages: ['nestjs-mcp-sessions', 'ioredis (ours)', '@nestjs/core (ours)', '@modelcontextprotocol/server'],
  // Three processes share the warm-up, which compiles what is run often.
  sizes: {
    full: { pairs: 5, sessions: 32, warmUpSeconds: 20, seconds: 8 },
    quick: { pairs: 3, sessions: 32, warmUpSeconds: 15, seconds: 3 },
  },
  share: startRedis,
  measure: {
    ours: measureCalls(instancesBehindProxy(3)),
    theirs: measureCalls(instancesBehindProxy(1)),
  },
};
