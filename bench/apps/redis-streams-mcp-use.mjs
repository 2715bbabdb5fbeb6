import { RedisStreamManager } from 'mcp-use/server';
import { createClient } from 'redis';
import { serveCommands } from '../lib/commands.mjs';
import { streamCommands } from '../lib/stream-probe.mjs';

console.log = () => undefined; // it says a line about every stream
const url = `redis://127.0.0.1:${process.env.BENCH_REDIS_PORT}`;
const [client, pubSubClient] = [createClient({ url }), createClient({ url })];
await Promise.all([client.connect(), pubSubClient.connect()]);
const manager = new RedisStreamManager(/** @type {any} */ ({ client, pubSubClient }));
serveCommands(streamCommands(manager));
