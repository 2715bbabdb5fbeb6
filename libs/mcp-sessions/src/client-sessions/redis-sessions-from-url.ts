import { clientFromUrl } from '../redis/client-from-url.js';
import { RedisStorageBackend, type RedisStorageBackendOptions } from './redis-storage-backend.js';
import type { Sessions } from './sessions.interface.js';

/** A {@link RedisStorageBackend} with a client of its own, which `disconnect` closes for good. */
class OwnedRedisStorageBackend extends RedisStorageBackend {
  constructor(
    private readonly client: Awaited<ReturnType<typeof clientFromUrl>>,
    options: RedisStorageBackendOptions,
  ) {
    super(client, options);
  }

  override async disconnect(): Promise<void> {
    this.client.disconnect();
  }
}

/** @throws InvalidConfigurationError the URL is not one of Redis, or ioredis is not installed */
export async function redisSessionsFromUrl(
  url: string,
  options: RedisStorageBackendOptions,
): Promise<Sessions> {
  return new OwnedRedisStorageBackend(await clientFromUrl(url), options);
}
