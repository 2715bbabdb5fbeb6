import 'reflect-metadata';
import { Redis } from 'ioredis';
import { RedisStreamManager } from 'nestjs-mcp-sessions';
import { serveCommands } from '../lib/commands.mjs';
import { streamCommands } from '../lib/stream-probe.mjs';

const { BENCH_REDIS_PORT, BENCH_REPLAY } = process.env;
const port = Number(BENCH_REDIS_PORT);
const manager = new RedisStreamManager({
  client: new Redis(port),
  pubSubClient: new Redis(port),
  ...(BENCH_REPLAY === 'off' && { replay: false }),
});
await manager.start();
serveCommands(streamCommands(manager));
