import { generateSessionId } from './session-id.js';
import { lockWaitOf, SessionLocks } from './session-locks.js';
import { changesOf } from './session-rules.js';
import { SessionTable, type SessionRecord } from './session-table.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import type { Session, Sessions } from './sessions.interface.js';

/**
 * Keeps users' connections in the memory of this process. They are lost when it ends: for tests, and for
 * applications of one instance whose users may connect anew after a restart.
 */
export class MemoryStorageBackend implements Sessions {
  private readonly table: SessionTable;
  private readonly locks: SessionLocks;

  /** @throws InvalidConfigurationError an option is not what is allowed */
  constructor(options: SessionsOptions = {}) {
    this.table = new SessionTable(options);
    this.locks = new SessionLocks(this, lockWaitOf(options));
  }

  generateSessionId(): string {
    return generateSessionId();
  }

  async create(session: Session): Promise<void> {
    this.table.create(session);
  }

  async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    this.table.update(userId, sessionId, changesOf(data));
  }

  async get(userId: string, sessionId: string): Promise<Session | null> {
    const record = this.table.find(userId, sessionId);
    return record ? this.read(record) : null;
  }

  async list(userId: string): Promise<Session[]> {
    return this.table.findAll(userId).map((record) => this.read(record));
  }

  async listIds(userId: string): Promise<string[]> {
    return this.table.findAll(userId).map(({ sessionId }) => sessionId);
  }

  async delete(userId: string, sessionId: string): Promise<void> {
    this.table.delete(userId, sessionId);
  }

  async listAllIds(): Promise<string[]> {
    this.table.removeEnded();
    return Array.from(this.table.records(), ({ sessionId }) => sessionId);
  }

  async clearAll(): Promise<void> {
    this.table.clear();
  }

  async cleanupExpired(): Promise<void> {
    this.table.removeEnded();
  }

  /** Stops the timer. The sessions stay, and go on ending. */
  async disconnect(): Promise<void> {
    this.table.pause();
  }

  /** Locks within this process. A `work` that never settles holds up the others until their time is over. */
  withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.locks.withLock(userId, sessionId, work);
  }

  private read(record: SessionRecord): Session {
    const session = this.table.sessionOf(record);
    this.table.use(record, this.table.now());
    return session;
  }
}
