import { batchOf } from './scan-batch.js';
import { withPauses } from './with-pauses.js';
import { metadataOf } from './session-record.js';
import { SessionRecords } from './session-records.js';
import type { CompleteSessionStore, MetadataChange, SessionMetadata } from './session-store.interface.js';

/** Options of {@link InMemorySessionStore}. */
export interface InMemorySessionStoreConfig {
  /** The clock, in milliseconds since the epoch, for tests. Default: `Date.now`. */
  now?: () => number;
}

/**
 * Keeps sessions in the memory of this process. They are lost when it ends: for tests, and for applications of
 * one instance whose clients may begin anew after a restart.
 *
 * A session stored with `set` lives until it is deleted, one stored with `setWithTTL` until its time has passed.
 */
export class InMemorySessionStore implements CompleteSessionStore {
  private readonly records: SessionRecords;

  constructor({ now = () => Date.now() }: InMemorySessionStoreConfig = {}) {
    this.records = new SessionRecords(now);
  }

  /** How many sessions there are. */
  get size(): number {
    return this.records.size;
  }

  async get(sessionId: string): Promise<SessionMetadata | null> {
    const record = this.records.find(sessionId);
    return record ? metadataOf(record) : null;
  }

  /**
   * Stores the metadata whole. The session lives until it is deleted.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   */
  async set(sessionId: string, data: SessionMetadata): Promise<void> {
    this.records.put(sessionId, data);
  }

  /**
   * As `set`, for `ttlMs` milliseconds from now.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   * @throws InvalidSessionTtlError `ttlMs` is not a positive, finite number
   */
  async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    this.records.putWithTTL(sessionId, data, ttlMs);
  }

  async touch(sessionId: string): Promise<SessionMetadata | null> {
    const record = this.records.touch(sessionId);
    return record ? metadataOf(record) : null;
  }

  /** @throws InvalidSessionMetadataError JSON cannot carry the patch */
  async update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    const record = this.records.update(sessionId, patch);
    return record ? metadataOf(record) : null;
  }

  /** @throws InvalidSessionMetadataError JSON cannot carry what `change` answers */
  async modify(sessionId: string, change: MetadataChange): Promise<SessionMetadata | null> {
    const record = this.records.modify(sessionId, change);
    return record ? metadataOf(record) : null;
  }

  async delete(sessionId: string): Promise<void> {
    this.records.delete(sessionId);
  }

  async has(sessionId: string): Promise<boolean> {
    return this.records.find(sessionId) !== undefined;
  }

  async keys(): Promise<string[]> {
    return [...this.records.ids()];
  }

  /** @throws InvalidConfigurationError `batch` is no whole number above 0 */
  async *scan(options: { batch?: number } = {}): AsyncGenerator<string, void, undefined> {
    yield* withPauses(this.records.ids(), batchOf(options));
  }

  /**
   * Calls the listener once for each session whose lifetime passes, also when that is noticed by an access
   * before the timer comes by; not for sessions that are deleted or cleared.
   */
  onExpired(listener: (sessionId: string) => unknown): () => void {
    return this.records.onExpired(listener);
  }

  /** Removes all sessions. */
  async clear(): Promise<void> {
    this.records.clear();
  }

  /** Stops the timer. The sessions stay, and their lifetimes go on passing. */
  async close(): Promise<void> {
    this.records.pause();
  }
}
