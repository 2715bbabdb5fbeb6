// Three instances of the reference server with their sessions, streams and notes in Redis, behind a proxy that sends each
// request to the next one. `npm run cluster` builds and runs it.
//
// PORT        where the proxy listens; default 3000, 0 for any that is free
// REDIS_URL   a Redis that is running; without it, one of its own is started (REDIS_SERVER names the program), after it
//             has been installed if it is missing and may be
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ManagedProcess } from './managed-process.mjs';
import { startRedis } from './redis-process.mjs';
import { startRoundRobinProxy } from './round-robin-proxy.mjs';

const INSTANCES = 3;
const HOST = '127.0.0.1';
const ENSURE_REDIS = fileURLToPath(new URL('./ensure-redis.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** More than an instance gives its requests in progress to finish (`shutdownGraceMs`). */
const STOP_TIMEOUT_MS = 15_000;

let cluster;
let stopping;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // Nothing is lost with what has not started yet, and it ends with this process.
    if (!cluster) process.exit(130);
    stopping ??= stop(cluster);
  });
}

try {
  cluster = await start();
  describe(cluster);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

async function start() {
  const port = portOf(process.env.PORT || '3000');
  const givenUrl = process.env.MCP_SESSIONS_REDIS_URL || process.env.REDIS_URL;
  const redis = givenUrl ? undefined : await startOwnRedis();
  const redisUrl = givenUrl || redis.url;
  const numbers = Array.from({ length: INSTANCES }, (_, index) => index + 1);
  const instances = await Promise.all(numbers.map((number) => startInstance(number, redisUrl)));
  const origins = instances.map(({ origin }) => origin);
  const proxy = await startRoundRobinProxy(origins, { host: HOST, port });
  return { redis, redisUrl, instances, proxy };
}

function portOf(text) {
  if (/^\d+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Error(`PORT must be a whole number from 0 to 65535, 0 for any that is free; it is "${text}".`);
}

function startOwnRedis() {
  // It has said what is missing.
  if (spawnSync(process.execPath, [ENSURE_REDIS], { stdio: 'inherit' }).status !== 0) process.exit(1);
  return startRedis();
}

async function startInstance(number, redisUrl) {
  const name = `instance ${number}`;
  const settings = {
    HOST,
    PORT: '0',
    NO_COLOR: '1',
    MCP_SESSIONS_STORE: 'redis',
    MCP_SESSIONS_STREAM: 'redis',
    MCP_SESSIONS_REDIS_URL: redisUrl,
  };
  const server = new ManagedProcess(process.execPath, [MAIN], {
    env: { ...process.env, ...settings },
  });
  const [, origin] = await server.ready(/HTTP\+SSE: +(\S+)\/mcp\/sse/);
  server.eachLine((line) => console.log(`[${name}] ${line}`));
  void server.ended.then((how) => {
    if (!stopping) console.log(`${name} ended with ${how}; the others go on`);
  });
  return { name, origin, server };
}

function describe({ redis, redisUrl, instances, proxy }) {
  console.log();
  if (redis) console.log(`Redis:           ${redisUrl} (process ${redis.pid})`);
  for (const { name, origin, server } of instances) {
    console.log(`${name}:      ${origin} (process ${server.pid})`);
  }
  console.log(`Streamable HTTP: ${proxy.origin}/mcp`);
  console.log(`HTTP+SSE:        ${proxy.origin}/mcp/sse`);
  console.log('Each request goes to the next instance. Ctrl-C ends all.');
}

/** The instances first, through the proxy and with their Redis, so that they end their streams in good order. */
async function stop({ redis, instances, proxy }) {
  await Promise.all(instances.map(({ server }) => server.stop(STOP_TIMEOUT_MS)));
  await proxy.close();
  await redis?.stop();
  console.log('All have ended.');
}
