import { clientFromUrl } from '../redis/client-from-url.js';
import type { RedisClient } from '../redis/redis-client.interface.js';
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
  const { type: _, url, client: givenClient, pubSubClient: givenPubSub, ...given } = option;
  const { prefix = defaults.streamPrefix, ttl = defaults.ttl, ...config } = given;
  const isGiven = givenClient !== undefined && givenPubSub !== undefined;
  const [client, pubSubClient] = isGiven
    ? [givenClient, givenPubSub]
    : await clientsAt(redisUrl('stream', url, defaults), config.commandTimeoutMs);
  const manager = new RedisStreamManager(
    { ...config, prefix, ttl, client, pubSubClient },
    { owned: !isGiven },
  );
  try {
    await untilRedisAnswers('stream', [client, pubSubClient], () => manager.start());
    return manager;
  } catch (error) {
    // Not waited for: that could take as long as the command that Redis does not answer.
    manager.close().catch(() => undefined);
    throw error;
  }
}

function clientsAt(url: string, commandTimeoutMs: number | undefined): Promise<[RedisClient, RedisClient]> {
  return Promise.all([clientFromUrl(url, { commandTimeoutMs }), clientFromUrl(url, { commandTimeoutMs })]);
}
