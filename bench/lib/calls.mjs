import { withChildren } from './child.mjs';

/**
 * Requests per second against whatever `startServer` starts, after a warm-up.
 * @param {(start: typeof import('./child.mjs').startChild, shared: any) => Promise<Served>} startServer
 * @typedef {{ port: number, servers: import('./child.mjs').Child[] }} Served Where to send requests to, and who answers.
 */
export function measureCalls(startServer) {
  return (/** @type {any} */ { sessions, warmUpSeconds, seconds }, /** @type {any} */ shared) =>
    withChildren(async (start) => {
      await shared?.empty();
      const [{ port, servers }, client] = await Promise.all([
        startServer(start, shared),
        start('clients/tool-calls.mjs'),
      ]);
      const cpu = async () => {
        const each = await Promise.all(servers.map((server) => server.call('cpu')));
        return each.reduce((sum, used) => sum + used, 0);
      };
      await client.call('open', { port, sessions });
      await client.call('run', { seconds: warmUpSeconds });
      const [cpuBefore, redisBefore] = [await cpu(), await shared?.usage()];
      const { requests, elapsedMs, clientCpuShare } = await client.call('run', { seconds });
      const [cpuAfter, redisAfter] = [await cpu(), await shared?.usage()];
      return {
        value: requests / (elapsedMs / 1000),
        requests,
        serverCpuMicrosecondsPerRequest: (cpuAfter - cpuBefore) / requests,
        serverCpuShare: (cpuAfter - cpuBefore) / 1000 / elapsedMs,
        clientCpuShare,
        ...(shared && {
          redisCpuMicrosecondsPerRequest:
            (redisAfter.cpuMicroseconds - redisBefore.cpuMicroseconds) / requests,
        }),
      };
    });
}

/** One process that answers by itself. @param {string} app */
export function oneServer(app) {
  return async (/** @type {typeof import('./child.mjs').startChild} */ start) => {
    const server = await start(app);
    return { port: server.info.port, servers: [server] };
  };
}

/** Our side with its sessions in Redis. @param {number} port of Redis */
export function inRedis(port) {
  return { BENCH_REDIS_URL: `redis://127.0.0.1:${port}` };
}

/** Our instances behind the round-robin proxy. @param {number} count */
export function instancesBehindProxy(count) {
  return async (
    /** @type {typeof import('./child.mjs').startChild} */ start,
    /** @type {import('./redis-server.mjs').RedisServer} */ redis,
  ) => {
    const servers = await Promise.all(
      Array.from({ length: count }, () => start('apps/ours.mjs', { env: inRedis(redis.port) })),
    );
    const targets = servers.map(({ info }) => `http://127.0.0.1:${info.port}`);
    const proxy = await start('apps/round-robin-proxy.mjs', { env: { BENCH_TARGETS: targets.join(' ') } });
    return { port: proxy.info.port, servers };
  };
}
