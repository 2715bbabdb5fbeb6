import { type Fixture, startFixture } from './fixture-process.js';

/** Compiled, this file lies one directory deeper than its source: no relative import would fit both. */
const scripts = new URL('../../../scripts/', import.meta.url);

type RedisScript = typeof import('../../scripts/redis-process.mjs');
type ProxyScript = typeof import('../../scripts/round-robin-proxy.mjs');

/**
 * Starts fixture servers that share a Redis, behind a proxy that sends every HTTP request to the next one.
 * @throws {Error} One of the processes ended before it was ready, or took too long.
 */
export async function startFixtureCluster(instances: number): Promise<Fixture> {
  const { startRedis } = await load<RedisScript>('redis-process.mjs');
  const { startRoundRobinProxy } = await load<ProxyScript>('round-robin-proxy.mjs');

  const redis = await startRedis();
  const fixtures = await Promise.all(Array.from({ length: instances }, () => startFixture(redis.url)));
  const proxy = await startRoundRobinProxy(fixtures.map(({ url }) => new URL(url).origin));
  return {
    url: `${proxy.origin}/mcp`,
    output: () => fixtures.map(({ output }) => output()).join(''),
    stop: async () => {
      await proxy.close();
      for (const { stop } of fixtures) await stop();
      await redis.stop();
    },
  };
}

async function load<Script>(name: string): Promise<Script> {
  return (await import(new URL(name, scripts).href)) as Script;
}
