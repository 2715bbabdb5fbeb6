import { Logger } from '@nestjs/common';
import { InvalidConfigurationError } from '../common/errors.js';
import { logSafeId } from '../common/log-safe-id.js';
import { connectionTo } from '../redis/redis-client.js';
import type { RedisClient } from '../redis/redis-client.interface.js';
import type { RedisConnection } from '../redis/redis-connection.interface.js';
import { sessionStoreKeys } from '../redis/redis-keys.js';
import { removeKeys, scanKeys } from './redis-key-scan.js';
import { decodeRecord, encodePatch, encodeRecord } from './redis-session-record.js';
import { RedisSessionRecords } from './redis-session-records.js';
import { available, unavailable } from './redis-store-availability.js';
import { batchOf } from './scan-batch.js';
import { InvalidSessionTtlError } from './session-store.errors.js';
import type { CompleteSessionStore, MetadataChange, SessionMetadata } from './session-store.interface.js';

/** The longest lifetime, some 140,000 years: Redis adds the time of day to it, in 64 bits. */
const LONGEST_LIFETIME_MS = 2 ** 52;

/** Options of {@link RedisSessionStore}. */
export interface RedisSessionStoreConfig {
  /** The client that commands go through. The store does not close it. */
  client: RedisClient;
  /** What the names of all keys begin with. Default `mcp:session:`. */
  prefix?: string;
  /** How long a session that is stored with `set` lives unused, in seconds. Default 3,600. */
  defaultTTL?: number;
  /** Sessions are always stored as text; there for compatibility. `false` is refused. */
  serialize?: boolean;
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
  /** Whether `close` closes the client. Default `false`. */
  ownsClient?: boolean;
}

/**
 * Keeps sessions in Redis or Valkey, for many instances: each instance sees every session at once. All methods but
 * `modify`, `keys`, `scan` and `clear` take one round trip.
 *
 * Every method rejects with {@link SessionStoreUnavailableError} when Redis does not answer in time or answers
 * with an error. Its `cause` says what the client said, without the arguments of the command. The store is of use
 * again as soon as Redis is.
 */
export class RedisSessionStore implements CompleteSessionStore {
  private readonly logger = new Logger(RedisSessionStore.name);
  private readonly redis: RedisConnection;
  private readonly keysOf: ReturnType<typeof sessionStoreKeys>;
  private readonly defaultLifetimeMs: number;
  private readonly records: RedisSessionRecords;

  /** @throws InvalidConfigurationError the client cannot be used, or another option is not allowed */
  constructor(config: RedisSessionStoreConfig) {
    const { client, prefix = 'mcp:session:', defaultTTL = 3_600, serialize = true } = config;
    if (!Number.isFinite(defaultTTL) || defaultTTL <= 0) {
      throw new InvalidConfigurationError(
        `defaultTTL must be a positive number of seconds, not ${defaultTTL}`,
      );
    }
    if (!serialize) throw new InvalidConfigurationError('serialize cannot be false: Redis keeps text');
    const { commandTimeoutMs, ownsClient: owned } = config;
    this.redis = connectionTo(client, { commandTimeoutMs, owned });
    this.keysOf = sessionStoreKeys(prefix);
    this.defaultLifetimeMs = lifetimeOf(defaultTTL * 1_000);
    this.records = new RedisSessionRecords(this.redis);
  }

  async get(sessionId: string): Promise<SessionMetadata | null> {
    return this.decode(sessionId, await this.records.read(this.keysOf.key(sessionId)));
  }

  /**
   * Stores the metadata whole. The session lives for `defaultTTL` seconds, and after each touch as long again.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   */
  async set(sessionId: string, data: SessionMetadata): Promise<void> {
    await this.put(sessionId, data, this.defaultLifetimeMs);
  }

  /**
   * As `set`, for `ttlMs` milliseconds.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   * @throws InvalidSessionTtlError `ttlMs` is not a positive, finite number
   */
  async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    if (!Number.isFinite(ttlMs) || ttlMs <= 0) throw new InvalidSessionTtlError(ttlMs);
    await this.put(sessionId, data, lifetimeOf(ttlMs));
  }

  async touch(sessionId: string): Promise<SessionMetadata | null> {
    const metadata = this.decode(sessionId, await this.records.touch(this.keysOf.key(sessionId)));
    if (metadata) metadata.lastAccessedAt = Date.now();
    return metadata;
  }

  /** @throws InvalidSessionMetadataError JSON cannot carry the patch */
  async update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    const record = await this.records.update(this.keysOf.key(sessionId), encodePatch(patch));
    return this.decode(sessionId, record);
  }

  /**
   * One round trip more than `update`, and another one for each change that comes in between.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry what `change` answers
   */
  async modify(sessionId: string, change: MetadataChange): Promise<SessionMetadata | null> {
    const record = await this.records.modify(this.keysOf.key(sessionId), (current) => {
      const metadata = decodeRecord(current);
      return metadata && encodePatch(change(metadata));
    });
    return this.decode(sessionId, record);
  }

  async delete(sessionId: string): Promise<void> {
    await this.records.remove(this.keysOf.key(sessionId));
  }

  async has(sessionId: string): Promise<boolean> {
    // A record that cannot be read is no session, and only reading it tells.
    return (await this.get(sessionId)) !== null;
  }

  async keys(): Promise<string[]> {
    const ids = new Set<string>();
    for await (const id of this.scan()) ids.add(id);
    return [...ids];
  }

  /**
   * Session ids, found by going over all keys of the server in steps. An id may come twice.
   *
   * @throws InvalidConfigurationError `batch` is no whole number above 0
   */
  async *scan(options: { batch?: number } = {}): AsyncGenerator<string, void, undefined> {
    for await (const keys of this.scanKeys(batchOf(options))) {
      for (const key of keys) yield this.keysOf.sessionIdOf(key)!;
    }
  }

  /** Removes all sessions of this prefix; those that are stored meanwhile may stay. */
  async clear(): Promise<void> {
    for await (const keys of this.scanKeys(batchOf({}))) await available(removeKeys(this.redis, keys));
  }

  /** Closes the client, if the store was told that it is its own. */
  async close(): Promise<void> {
    await this.redis.close();
  }

  private async put(sessionId: string, data: SessionMetadata, lifetimeMs: number): Promise<void> {
    const record = encodeRecord(data, lifetimeMs);
    await this.records.write({ key: this.keysOf.key(sessionId), record, lifetimeMs });
  }

  private async *scanKeys(batch: number): AsyncGenerator<string[], void, undefined> {
    try {
      for await (const keys of scanKeys(this.redis, this.keysOf.matchPattern, batch)) {
        yield keys.filter((key) => this.keysOf.sessionIdOf(key) !== undefined);
      }
    } catch (error) {
      throw unavailable(error);
    }
  }

  private decode(sessionId: string, record: string | null): SessionMetadata | null {
    if (record === null) return null;
    const metadata = decodeRecord(record);
    if (metadata) return metadata;
    this.logger.error(`The record of session ${logSafeId(sessionId)} is damaged and counts as absent`);
    return null;
  }
}

/** What goes to Redis: whole milliseconds, of a number that it can take. */
function lifetimeOf(ttlMs: number): number {
  return Math.min(Math.ceil(ttlMs), LONGEST_LIFETIME_MS);
}
