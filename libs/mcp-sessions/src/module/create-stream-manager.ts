import { clientFromUrl } from '../redis/client-from-url.js';
import { InMemoryStreamManager } from '../streams/in-memory-stream-manager.js';
import { RedisStreamManager } from '../streams/redis-stream-manager.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';
import type { StreamManagerOption } from './mcp-sessions-options.interface.js';
import { isStreamManager } from './own-objects.js';
import type { RedisStreamOption } from './redis-options.interface.js';
import { redisUrl, type RedisDefaults } from './redis-defaults.js';
import { untilRedisAnswers } from './until-redis-answers.js';

type Settings = Exclude<StreamManagerOption, string | StreamManager>;

/** @throws InvalidConfigurationError Redis does not answer, or there is no address for it */
export async function createStreamManager(
  option: StreamManagerOption,
  defaults: RedisDefaults,
): Promise<StreamManager> {
  if (isStreamManager(option)) return option;
  const settings: Settings = typeof option === 'string' ? { type: option } : option;
  switch (settings.type) {
    case 'memory': {
      const { type: _, ...config } = settings;
      return new InMemoryStreamManager(config);
    }
    case 'redis':
      return createRedisStreamManager(settings, defaults);
  }
}

async function createRedisStreamManager(
  option: RedisStreamOption,
  defaults: RedisDefaults,
): Promise<StreamManager> {
  const { type: _, url: givenUrl, client, pubSubClient, ...given } = option;
  const { prefix = defaults.streamPrefix, ttl = defaults.ttl, ...config } = given;
  const complete = { ...config, prefix, ttl };
  const manager =
    client && pubSubClient
      ? new RedisStreamManager({ ...complete, client, pubSubClient })
      : await managerAt(redisUrl('stream', givenUrl, defaults), complete);
  try {
    await untilRedisAnswers('stream', () => manager.start());
    return manager;
  } catch (error) {
    await manager.close();
    throw error;
  }
}

async function managerAt(
  url: string,
  config: Omit<ConstructorParameters<typeof RedisStreamManager>[0], 'client' | 'pubSubClient'>,
): Promise<RedisStreamManager> {
  const [client, pubSubClient] = await Promise.all([
    clientFromUrl(url, { commandTimeoutMs: config.commandTimeoutMs }),
    clientFromUrl(url, { commandTimeoutMs: config.commandTimeoutMs }),
  ]);
  return new RedisStreamManager({ ...config, client, pubSubClient }, { owned: true });
}
