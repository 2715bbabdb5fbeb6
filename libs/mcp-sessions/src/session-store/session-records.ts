import { Logger } from '@nestjs/common';
import { ExpiryQueue } from '../common/expiry-queue.js';
import { logSafeId } from '../common/log-safe-id.js';
import { mergeMetadata, metadataOf, serializeMetadata, type SessionRecord } from './session-record.js';
import { InvalidSessionTtlError } from './session-store.errors.js';
import type { MetadataChange, SessionMetadata } from './session-store.interface.js';

type ExpiredListener = (sessionId: string) => unknown;

/**
 * The sessions that one process holds in memory, for the stores that keep them there. A session whose lifetime
 * has passed is gone for every method from that millisecond on; the timer only sees to it that it is also
 * forgotten and reported when nobody asks.
 */
export class SessionRecords {
  private readonly logger = new Logger(SessionRecords.name);
  private readonly records = new Map<string, SessionRecord>();
  private readonly listeners = new Set<ExpiredListener>();
  private readonly expiries: ExpiryQueue;

  /** @param now the clock, in milliseconds since the epoch */
  constructor(readonly now: () => number) {
    this.expiries = new ExpiryQueue(
      (sessionId) => this.deadlineOf(sessionId),
      (sessionId) => this.expire(sessionId),
      now,
    );
  }

  /** How many sessions there are. */
  get size(): number {
    this.expiries.run();
    return this.records.size;
  }

  /** The session's record, unless its lifetime has passed. */
  find(sessionId: string): SessionRecord | undefined {
    const record = this.records.get(sessionId);
    if (!record || record.expiresAt > this.now()) return record;
    this.expire(sessionId);
    return undefined;
  }

  /**
   * Stores a session whole; without `ttlMs` it lives until it is deleted.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the metadata
   */
  put(sessionId: string, metadata: SessionMetadata, ttlMs?: number): void {
    const json = serializeMetadata(metadata);
    this.find(sessionId); // reports a former session of that id, if it has expired unnoticed
    const expiresAt = ttlMs === undefined ? Infinity : this.now() + ttlMs;
    this.restore(sessionId, { json, lastAccessedAt: metadata.lastAccessedAt, ttlMs, expiresAt });
  }

  /**
   * As {@link put}, with a lifetime that the caller of a store gave.
   *
   * @throws InvalidSessionTtlError `ttlMs` is not a positive, finite number
   */
  putWithTTL(sessionId: string, metadata: SessionMetadata, ttlMs: number): void {
    if (!Number.isFinite(ttlMs) || ttlMs <= 0) throw new InvalidSessionTtlError(ttlMs);
    this.put(sessionId, metadata, ttlMs);
  }

  /** Takes over a record as it is. */
  restore(sessionId: string, record: SessionRecord): void {
    this.records.set(sessionId, record);
    this.expiries.watch(sessionId);
  }

  /** Starts the session's lifetime anew. */
  touch(sessionId: string): SessionRecord | undefined {
    const record = this.find(sessionId);
    if (!record) return undefined;
    record.lastAccessedAt = this.now();
    if (record.ttlMs !== undefined) record.expiresAt = record.lastAccessedAt + record.ttlMs;
    this.expiries.watch(sessionId);
    return record;
  }

  /**
   * Merges fields into the session's metadata and leaves its lifetime running.
   *
   * @throws InvalidSessionMetadataError JSON cannot carry the patch
   */
  update(sessionId: string, patch: Partial<SessionMetadata>): SessionRecord | undefined {
    const record = this.find(sessionId);
    if (!record) return undefined;
    const metadata = mergeMetadata(record, patch);
    record.json = serializeMetadata(metadata);
    record.lastAccessedAt = metadata.lastAccessedAt;
    return record;
  }

  /** As {@link update}, with a patch made of the metadata. @throws what `change` throws */
  modify(sessionId: string, change: MetadataChange): SessionRecord | undefined {
    const record = this.find(sessionId);
    return record && this.update(sessionId, change(metadataOf(record)));
  }

  /** Removes the session; whether there was one. */
  delete(sessionId: string): boolean {
    const existed = this.find(sessionId) !== undefined;
    this.remove(sessionId);
    return existed;
  }

  /** Removes all sessions. */
  clear(): void {
    this.records.clear();
    this.expiries.clear();
  }

  /** The ids of all sessions. Sessions may come and go between one id and the next. */
  *ids(): Generator<string, void, undefined> {
    // A session that is stored anew moves to the end: without a bound, a loop that does so would never end.
    let remaining = this.records.size;
    for (const sessionId of this.records.keys()) {
      if (remaining-- === 0) return;
      if (this.find(sessionId)) yield sessionId;
    }
  }

  /** The ids of this moment, found fast; with those of sessions that have just expired. */
  idsNow(): string[] {
    return [...this.records.keys()];
  }

  /** Calls the listener for every session whose lifetime passes; the answer removes it. */
  onExpired(listener: ExpiredListener): () => void {
    // Wrapped, so that a function which is registered twice is called twice, and each is removed by itself.
    const entry: ExpiredListener = (sessionId) => listener(sessionId);
    this.listeners.add(entry);
    return () => void this.listeners.delete(entry);
  }

  /** Stops the timer. Lifetimes go on passing. */
  pause(): void {
    this.expiries.pause();
  }

  private deadlineOf(sessionId: string): number | undefined {
    const expiresAt = this.records.get(sessionId)?.expiresAt;
    return expiresAt === Infinity ? undefined : expiresAt;
  }

  private remove(sessionId: string): void {
    this.records.delete(sessionId);
    this.expiries.forget(sessionId);
  }

  private expire(sessionId: string): void {
    this.remove(sessionId);
    for (const listener of this.listeners) void this.notify(listener, sessionId);
  }

  /** Calls the listener at once. One that throws, or whose promise rejects, costs nobody else anything. */
  private async notify(listener: ExpiredListener, sessionId: string): Promise<void> {
    try {
      await listener(sessionId);
    } catch (error) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.logger.error(`A listener failed at the end of session ${logSafeId(sessionId)}`, stack);
    }
  }
}
