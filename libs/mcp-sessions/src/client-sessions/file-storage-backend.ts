import { resolve } from 'node:path';
import { InvalidConfigurationError } from '../common/errors.js';
import { copyOf } from './session-codec.js';
import { generateSessionId } from './session-id.js';
import { lockWaitOf, SessionLocks } from './session-locks.js';
import { changesOf } from './session-rules.js';
import { SessionTable, type SessionRecord } from './session-table.js';
import { SessionsFile } from './sessions-file.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import type { Session, Sessions } from './sessions.interface.js';
import { SharedSessionTable } from './shared-session-table.js';

/** Options of {@link FileStorageBackend}. */
export interface FileStorageBackendOptions extends SessionsOptions {
  /** The file, relative to the working directory of the process. Default `./sessions.json`. */
  path?: string;
}

/**
 * Keeps users' connections in a JSON file, readable by its owner only: for development, and for applications with
 * some thousands of connections on one machine.
 *
 * A change is durable when its promise resolves; changes made at the same time are written together. Several
 * processes may use one file: each sees what the others wrote, and `create` and `update` are atomic among them. A
 * damaged file is set aside under a new name and reported, and there are no sessions then. `withLock` locks within
 * this process only.
 *
 * Every method rejects with `SessionsUnavailableError` while the file cannot be read, locked or written.
 */
export class FileStorageBackend implements Sessions {
  private readonly shared: SharedSessionTable;
  private readonly locks: SessionLocks;
  private readonly table: SessionTable;

  /** @throws InvalidConfigurationError an option is not what is allowed */
  constructor({ path = './sessions.json', ...options }: FileStorageBackendOptions = {}) {
    if (path === '') throw new InvalidConfigurationError('path must name a file');
    const file = resolve(path);
    this.table = new SessionTable(options);
    this.locks = new SessionLocks(this, lockWaitOf(options), file);
    this.shared = new SharedSessionTable(this.table, new SessionsFile(file, this.table.now));
  }

  /** Reads the file. Every method does this by itself on first use. */
  async init(): Promise<void> {
    await this.shared.current();
  }

  generateSessionId(): string {
    return generateSessionId();
  }

  async create(session: Session): Promise<void> {
    // Copied now: the caller may change it before its turn to be written has come.
    const copy = copyOf(session);
    await this.shared.commit((table) => {
      table.create(copy);
      return true;
    });
  }

  async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const changes = copyOf(changesOf(data));
    await this.shared.commit((table) => {
      table.update(userId, sessionId, changes);
      return true;
    });
  }

  async get(userId: string, sessionId: string): Promise<Session | null> {
    const table = await this.shared.current();
    const record = table.find(userId, sessionId);
    const [session = null] = record ? await this.read([record]) : [];
    return session;
  }

  async list(userId: string): Promise<Session[]> {
    const table = await this.shared.current();
    return this.read(table.findAll(userId));
  }

  async listIds(userId: string): Promise<string[]> {
    const table = await this.shared.current();
    return table.findAll(userId).map(({ sessionId }) => sessionId);
  }

  delete(userId: string, sessionId: string): Promise<void> {
    return this.shared.commit((table) => table.delete(userId, sessionId));
  }

  async listAllIds(): Promise<string[]> {
    const table = await this.shared.current();
    table.removeEnded();
    return Array.from(table.records(), ({ sessionId }) => sessionId);
  }

  clearAll(): Promise<void> {
    return this.shared.commit((table) => {
      table.clear();
      return true;
    });
  }

  cleanupExpired(): Promise<void> {
    return this.shared.commit((table) => {
      table.removeEnded();
      return this.shared.holdsEnded;
    });
  }

  /** Waits until what is under way is written, and forgets what was read. */
  async disconnect(): Promise<void> {
    await this.shared.close();
  }

  /** Locks within this process. A `work` that never settles holds up the others until their time is over. */
  withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.locks.withLock(userId, sessionId, work);
  }

  private async read(records: SessionRecord[]): Promise<Session[]> {
    const sessions = records.map((record) => this.table.sessionOf(record));
    await this.shared.use(records);
    return sessions;
  }
}
