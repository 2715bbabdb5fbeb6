import { clientFromUrl } from '../redis/client-from-url.js';
import { DEFAULT_COMMAND_TIMEOUT_MS } from '../redis/redis-client.js';
import { RedisStorageBackend, type RedisStorageBackendOptions } from './redis-storage-backend.js';
import type { Session, Sessions } from './sessions.interface.js';

/** A {@link RedisStorageBackend} with a client of its own, which `disconnect` closes for good. */
class OwnedRedisStorageBackend extends RedisStorageBackend {
  private readonly running = new Set<Promise<unknown>>();
  private readonly commandTimeoutMs: number;

  constructor(
    private readonly client: Awaited<ReturnType<typeof clientFromUrl>>,
    options: RedisStorageBackendOptions,
  ) {
    super(client, options);
    this.commandTimeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
  }

  override create(session: Session): Promise<void> {
    return this.noted(super.create(session));
  }

  override update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    return this.noted(super.update(userId, sessionId, data));
  }

  override get(userId: string, sessionId: string): Promise<Session | null> {
    return this.noted(super.get(userId, sessionId));
  }

  override list(userId: string): Promise<Session[]> {
    return this.noted(super.list(userId));
  }

  override listIds(userId: string): Promise<string[]> {
    return this.noted(super.listIds(userId));
  }

  override delete(userId: string, sessionId: string): Promise<void> {
    return this.noted(super.delete(userId, sessionId));
  }

  override listAllIds(): Promise<string[]> {
    return this.noted(super.listAllIds());
  }

  override clearAll(): Promise<void> {
    return this.noted(super.clearAll());
  }

  override cleanupExpired(): Promise<void> {
    return this.noted(super.cleanupExpired());
  }

  override withLock<T>(
    userId: string,
    sessionId: string,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    return this.noted(super.withLock(userId, sessionId, work));
  }

  /** Waits for what is under way, as long as a command may take; then closes the client. */
  override async disconnect(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, this.commandTimeoutMs)));
    await Promise.race([Promise.allSettled(this.running), late]);
    clearTimeout(timer);
    this.client.disconnect();
  }

  private noted<T>(call: Promise<T>): Promise<T> {
    const forget = (): void => void this.running.delete(call);
    this.running.add(call);
    call.then(forget, forget);
    return call;
  }
}

/** @throws InvalidConfigurationError the URL is not one of Redis, or ioredis is not installed */
export async function redisSessionsFromUrl(
  url: string,
  options: RedisStorageBackendOptions,
): Promise<Sessions> {
  return new OwnedRedisStorageBackend(await clientFromUrl(url), options);
}
