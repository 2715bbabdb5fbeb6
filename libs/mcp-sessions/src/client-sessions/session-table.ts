import { ExpiryQueue } from '../common/expiry-queue.js';
import { SessionNotFoundError } from '../common/errors.js';
import { SessionCodec } from './session-codec.js';
import {
  createdSession,
  endOf,
  lifetimesOf,
  updatedSession,
  type SessionChanges,
  type SessionLifetimes,
} from './session-rules.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { SessionAlreadyExistsError } from './sessions.errors.js';
import type { Session } from './sessions.interface.js';

/** A session as one process holds it. */
export interface SessionRecord {
  userId: string;
  sessionId: string;
  /** What {@link SessionCodec} made of the session: nobody holds a reference into it. */
  text: string;
  /** When the session ends if it is pending, in milliseconds since the epoch; absent from an active one. */
  expiresAt?: number;
  /** When it was last used, beside the text so that a use need not write the text anew. */
  lastUsedAt: number;
  /** The `lastUsedAt` that was last written to the file, if the record is kept in one. */
  savedLastUsedAt?: number;
}

/**
 * The sessions that one process holds in memory, for the backends that keep them there. An ended session is gone for
 * every method from that millisecond on; a timer only sees to it that it is forgotten when nobody asks.
 */
export class SessionTable {
  readonly now: () => number;
  readonly lifetimes: SessionLifetimes;
  private readonly codec: SessionCodec;
  private readonly users = new Map<string, Map<string, SessionRecord>>();
  private count = 0;
  private readonly ends: ExpiryQueue<SessionRecord>;

  /** @throws InvalidConfigurationError an option is not what is allowed */
  constructor(options: SessionsOptions) {
    this.now = options.now ?? (() => Date.now());
    this.lifetimes = lifetimesOf(options);
    this.codec = new SessionCodec(options);
    this.ends = new ExpiryQueue(
      (record) => this.endOf(record),
      (record) => this.remove(record),
      this.now,
    );
  }

  /** The session's record, unless it has ended. */
  find(userId: string, sessionId: string): SessionRecord | undefined {
    const record = this.users.get(userId)?.get(sessionId);
    return record && this.unlessEnded(record);
  }

  /** The records of the user's sessions. */
  findAll(userId: string): SessionRecord[] {
    const records = [...(this.users.get(userId)?.values() ?? [])];
    return records.filter((record) => this.unlessEnded(record));
  }

  /** A copy of the record's session. @throws SessionDecryptionError a credential does not decrypt */
  sessionOf({ userId, sessionId, text }: SessionRecord): Session {
    return this.codec.decode(userId, sessionId, text);
  }

  /** How many records there are, those of sessions included that have just ended. */
  get size(): number {
    return this.count;
  }

  /** @throws SessionAlreadyExistsError, InvalidSessionError */
  create(session: Session): void {
    const now = this.now();
    const created = createdSession(session, this.lifetimes, now);
    const { userId, sessionId, expiresAt } = created;
    if (this.find(userId, sessionId)) throw new SessionAlreadyExistsError(sessionId);
    const text = this.codec.encode(created);
    this.restore({ userId, sessionId, text, expiresAt: expiresAt ?? undefined, lastUsedAt: now });
  }

  /** @throws SessionNotFoundError, SessionDecryptionError; InvalidSessionError: JSON cannot carry the changes */
  update(userId: string, sessionId: string, changes: SessionChanges): void {
    const record = this.find(userId, sessionId);
    if (!record) throw new SessionNotFoundError([sessionId]);
    const now = this.now();
    const updated = updatedSession(this.sessionOf(record), changes, this.lifetimes, now);
    record.text = this.codec.encode(updated);
    record.expiresAt = updated.expiresAt ?? undefined;
    this.use(record, now);
  }

  /** Records that the session was used. */
  use(record: SessionRecord, at: number): void {
    record.lastUsedAt = Math.max(record.lastUsedAt, at);
    this.ends.watch(record);
  }

  /** Removes a session; whether there was one. */
  delete(userId: string, sessionId: string): boolean {
    const record = this.find(userId, sessionId);
    if (record) this.remove(record);
    return record !== undefined;
  }

  /** Takes a record over as it is, in the place of one of the same session. */
  restore(record: SessionRecord): void {
    const { userId, sessionId } = record;
    const former = this.users.get(userId)?.get(sessionId);
    if (former) this.remove(former);
    let sessions = this.users.get(userId);
    if (!sessions) this.users.set(userId, (sessions = new Map()));
    sessions.set(sessionId, record);
    this.count += 1;
    this.ends.watch(record);
  }

  clear(): void {
    this.users.clear();
    this.count = 0;
    this.ends.clear();
  }

  /** Frees what ended sessions occupy. */
  removeEnded(): void {
    this.ends.run();
  }

  /** All records, those of sessions included that have just ended. */
  *records(): Generator<SessionRecord, void, undefined> {
    for (const sessions of this.users.values()) yield* sessions.values();
  }

  /** Stops the timer until the table is used again. Sessions go on ending. */
  pause(): void {
    this.ends.pause();
  }

  private endOf({ expiresAt, lastUsedAt }: SessionRecord): number {
    return endOf(expiresAt, lastUsedAt, this.lifetimes);
  }

  private unlessEnded(record: SessionRecord): SessionRecord | undefined {
    if (this.endOf(record) > this.now()) return record;
    this.remove(record);
    return undefined;
  }

  private remove(record: SessionRecord): void {
    const { userId, sessionId } = record;
    this.ends.forget(record);
    const sessions = this.users.get(userId);
    if (sessions?.get(sessionId) !== record) return;
    sessions.delete(sessionId);
    this.count -= 1;
    if (sessions.size === 0) this.users.delete(userId);
  }
}
