import { resolve } from 'node:path';
import { Logger } from '@nestjs/common';
import { InvalidConfigurationError } from '../common/errors.js';
import { batchOf } from './scan-batch.js';
import { withPauses } from './with-pauses.js';
import { SaveScheduler } from './save-scheduler.js';
import { SessionFile } from './session-file.js';
import { metadataOf, type SessionRecord } from './session-record.js';
import { SessionRecords } from './session-records.js';
import { SessionStoreUnavailableError } from './session-store.errors.js';
import type { CompleteSessionStore, MetadataChange, SessionMetadata } from './session-store.interface.js';

/** Options of {@link FileSystemSessionStore}. */
export interface FileSystemSessionStoreConfig {
  /** The file, relative to the working directory of the process. Default `.mcp-use/sessions.json`. */
  path?: string;
  /** How long a change may wait for others to be saved with it, in milliseconds. Default 100. */
  debounceMs?: number;
  /** Sessions that were not used for longer are skipped on start, in milliseconds. Default 86,400,000 (a day). */
  maxAgeMs?: number;
  /** The clock, in milliseconds since the epoch, for tests. Default: `Date.now`. */
  now?: () => number;
}

/** A touch is saved on its own when the saved `lastAccessedAt` is older than this part of the lifetime. */
const STALE_PART = 0.1;

/** Longer delays fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Keeps sessions in memory and in a JSON file, so that they survive restarts: for development with hot reload,
 * and for applications of one instance. One process at a time may use a file; a second one is reported.
 *
 * The file is read on start. Sessions not used for `maxAgeMs`, or whose lifetime has passed, are left out; a
 * missing file means no sessions; a damaged one is set aside under a new name, reported, and means no sessions.
 * A file as mcp-use writes it is understood. Changes are saved within some `debounceMs`, atomically, readable by
 * the file's owner only; a save that fails is reported and tried again. `flush` makes sure.
 *
 * A session stored with `set` lives until it is deleted, one stored with `setWithTTL` until its time has passed.
 * Every method rejects with {@link SessionStoreUnavailableError} while the file is there but cannot be read, and
 * after `close`.
 */
export class FileSystemSessionStore implements CompleteSessionStore {
  private readonly logger = new Logger(FileSystemSessionStore.name);
  private readonly records: SessionRecords;
  private readonly file: SessionFile;
  private readonly saves: SaveScheduler;
  private readonly maxAgeMs: number;
  private loaded: Promise<void> | undefined;
  private closed = false;

  /** @throws InvalidConfigurationError an option is not what is allowed */
  constructor({
    path = '.mcp-use/sessions.json',
    debounceMs = 100,
    maxAgeMs = 86_400_000,
    now = () => Date.now(),
  }: FileSystemSessionStoreConfig = {}) {
    if (path === '') throw new InvalidConfigurationError('path must name a file');
    if (!(debounceMs >= 0 && debounceMs <= LONGEST_TIMER_MS)) {
      throw new InvalidConfigurationError(`debounceMs must be between 0 and ${LONGEST_TIMER_MS}`);
    }
    if (!(maxAgeMs > 0)) throw new InvalidConfigurationError('maxAgeMs must be a positive number');
    this.maxAgeMs = maxAgeMs;
    this.file = new SessionFile(resolve(path), now);
    this.records = new SessionRecords(now);
    this.saves = new SaveScheduler(() => this.save(), debounceMs, {
      failed: (error) => this.logger.error(describe(error)),
      recovered: () => this.logger.log(`Sessions are saved to ${this.file.path} again`),
    });
    this.records.onExpired(() => this.saves.changed());
    // Started here to be done by the first request. Whoever calls a method learns of a failure.
    this.ready().catch(() => undefined);
  }

  /** How many sessions are held in memory: none before the file has been read. */
  get size(): number {
    return this.records.size;
  }

  async get(sessionId: string): Promise<SessionMetadata | null> {
    await this.ready();
    const record = this.records.find(sessionId);
    return record ? metadataOf(record) : null;
  }

  /**
   * Stores the metadata whole and saves it soon. The session lives until it is deleted.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   */
  async set(sessionId: string, data: SessionMetadata): Promise<void> {
    await this.ready();
    this.records.put(sessionId, data);
    this.saves.changed();
  }

  /**
   * As `set`, for `ttlMs` milliseconds from now, restarts included.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   * @throws InvalidSessionTtlError `ttlMs` is not a positive, finite number
   */
  async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    await this.ready();
    this.records.putWithTTL(sessionId, data, ttlMs);
    this.saves.changed();
  }

  /**
   * Reads the session and starts its lifetime anew. Saved at once only if what the file says is out of date by
   * more than a tenth of the lifetime, or of `maxAgeMs` if that is less; else along with the next save.
   */
  async touch(sessionId: string): Promise<SessionMetadata | null> {
    await this.ready();
    const record = this.records.touch(sessionId);
    if (!record) return null;
    if (this.isStaleInFile(record)) this.saves.changed();
    else this.saves.changedSlightly();
    return metadataOf(record);
  }

  /** @throws InvalidSessionMetadataError JSON cannot carry the patch */
  update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    return this.modify(sessionId, () => patch);
  }

  /** @throws InvalidSessionMetadataError JSON cannot carry what `change` answers */
  async modify(sessionId: string, change: MetadataChange): Promise<SessionMetadata | null> {
    await this.ready();
    const record = this.records.modify(sessionId, change);
    if (!record) return null;
    this.saves.changed();
    return metadataOf(record);
  }

  async delete(sessionId: string): Promise<void> {
    await this.ready();
    if (this.records.delete(sessionId)) this.saves.changed();
  }

  async has(sessionId: string): Promise<boolean> {
    await this.ready();
    return this.records.find(sessionId) !== undefined;
  }

  async keys(): Promise<string[]> {
    await this.ready();
    return [...this.records.ids()];
  }

  /** @throws InvalidConfigurationError `batch` is no whole number above 0 */
  async *scan(options: { batch?: number } = {}): AsyncGenerator<string, void, undefined> {
    const batch = batchOf(options);
    await this.ready();
    yield* withPauses(this.records.ids(), batch);
  }

  /**
   * Calls the listener once for each session whose lifetime passes while this process runs, also when that is
   * noticed by an access before the timer comes by; not for sessions that are deleted or cleared.
   */
  onExpired(listener: (sessionId: string) => unknown): () => void {
    return this.records.onExpired(listener);
  }

  /** Removes all sessions, and saves that soon. */
  async clear(): Promise<void> {
    await this.ready();
    this.records.clear();
    this.saves.changed();
  }

  /**
   * Saves what is unsaved. When it resolves, everything that was stored before the call is durable.
   *
   * @throws SessionStoreUnavailableError the file could not be written; saving is tried again
   */
  async flush(): Promise<void> {
    await this.ready();
    await this.saves.flush();
  }

  /**
   * Saves what is unsaved, touches included, and stops the timers. Afterwards the store answers no more.
   *
   * @throws SessionStoreUnavailableError the file could not be written
   */
  async close(): Promise<void> {
    this.closed = true;
    // A file that could not be read has left nothing to save.
    await this.loaded?.catch(() => undefined);
    try {
      await this.saves.flush();
    } finally {
      this.saves.stop();
      this.records.pause();
    }
  }

  private ready(): Promise<void> {
    if (this.closed) return Promise.reject(new SessionStoreUnavailableError('The session store is closed'));
    this.loaded ??= this.load();
    return this.loaded;
  }

  private async load(): Promise<void> {
    try {
      const now = this.records.now();
      for (const [sessionId, record] of await this.file.read()) {
        const tooOld = now - record.lastAccessedAt > this.maxAgeMs;
        if (!tooOld && record.expiresAt > now) this.records.restore(sessionId, record);
      }
    } catch (cause) {
      this.loaded = undefined; // the next call tries again
      throw new SessionStoreUnavailableError(`Sessions cannot be read from ${this.file.path}`, { cause });
    }
  }

  private async save(): Promise<void> {
    const find = (sessionId: string) => {
      const record = this.records.find(sessionId);
      if (record) record.savedLastAccessedAt = record.lastAccessedAt;
      return record;
    };
    try {
      await this.file.write(this.records.idsNow(), find);
    } catch (cause) {
      throw new SessionStoreUnavailableError(`Sessions cannot be saved to ${this.file.path}`, { cause });
    }
  }

  private isStaleInFile({ lastAccessedAt, savedLastAccessedAt = -Infinity, ttlMs }: SessionRecord): boolean {
    const lifetime = Math.min(ttlMs ?? Infinity, this.maxAgeMs);
    return lastAccessedAt - savedLastAccessedAt > lifetime * STALE_PART;
  }
}

function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return `${message}; trying again: ${String(cause)}`;
}
