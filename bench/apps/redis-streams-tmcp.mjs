import { RedisStreamSessionManager } from '@tmcp/session-manager-redis';
import { serveCommands } from '../lib/commands.mjs';
import { streamCommands } from '../lib/stream-probe.mjs';

const url = `redis://127.0.0.1:${process.env.BENCH_REDIS_PORT}`;
serveCommands(streamCommands(/** @type {any} */ (new RedisStreamSessionManager(url))));
