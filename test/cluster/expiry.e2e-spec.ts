import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { startCluster } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

const SESSIONS = 10;

describe('P1 sessions that have expired', () => {
  it('are gone on every instance that has served them, with all that was kept for them', async () => {
    const instances = await startCluster(redis.url, 'v2', {
      ...{ idleTimeoutMs: 1_500, cleanupIntervalMs: 300, runtimeIdleMs: 60_000 },
    });
    const clients: RawClient[] = [];
    for (let index = 0; index < SESSIONS; index += 1) {
      const client = await RawClient.open(instances[index % instances.length]!.url);
      for (const instance of instances) {
        await instance.serving(client).ask(callRequest(1, 'echo', { text: 'served' }));
      }
      clients.push(client);
    }
    const ids = clients.map(({ sessionId }) => sessionId!).toSorted();
    for (const { events, status } of instances) {
      const expired = () => events.filter(({ type }) => type === 'expired').map(({ sessionId }) => sessionId);
      await eventually('all to have expired', () => expired().length >= SESSIONS);
      expect(expired().toSorted()).toEqual(ids);
      expect(status()).toMatchObject({ sessions: 0, runtimes: 0 });
    }
    const keys = (await redis.command('keys', '*')) as string[];
    expect(keys.filter((key) => ids.some((id) => key.includes(id)))).toEqual([]);
    for (const { logger } of instances) expect(logger.errors).toEqual([]);
  });
});
