import { Logger } from '@nestjs/common';
import { FileLock } from './file-lock.js';
import { ABSENT, UNKNOWN, type SessionsFile } from './sessions-file.js';
import { oldestRecordedUse } from './session-rules.js';
import type { SessionRecord, SessionTable } from './session-table.js';
import {
  InvalidSessionError,
  SessionAlreadyExistsError,
  SessionsUnavailableError,
} from './sessions.errors.js';

/** A change that waits to be made and written. */
interface PendingChange {
  apply: (table: SessionTable) => boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * A table of sessions that several processes share through a file. The file is the truth: it is read again whenever
 * another process has written it, and written under a lock, after what others wrote has been read. Changes that wait
 * for the lock together are written together.
 */
export class SharedSessionTable {
  private readonly logger = new Logger(SharedSessionTable.name);
  private readonly lock: FileLock;
  /** The content of the file that the table holds; `undefined`: none yet. */
  private revision: string | undefined;
  /** How many sessions the file holds, ended ones included. */
  private savedCount = 0;
  private pending: PendingChange[] = [];
  private committing: Promise<void> | undefined;
  /** Whether a batch of changes is being made, while nobody else can write the file. */
  private isWriting = false;
  /** What reads or replaces the table as a whole happens one after the other. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly table: SessionTable,
    private readonly file: SessionsFile,
  ) {
    this.lock = new FileLock(file.lockPath);
  }

  /**
   * The table, with all that other processes have written so far.
   *
   * @throws SessionsUnavailableError the file cannot be read
   */
  async current(): Promise<SessionTable> {
    if (this.isWriting) return this.table;
    try {
      if ((await this.file.revision()) === this.revision && this.revision !== UNKNOWN) return this.table;
      if (await this.inTurn(() => this.refresh())) return this.table;
    } catch (cause) {
      throw this.unavailable('read', cause);
    }
    // A damaged file is set aside by who holds the lock.
    await this.commit(() => false);
    return this.table;
  }

  /**
   * Makes a change; resolves when it is durable.
   *
   * @param apply makes the change, and answers whether there is anything to write; what it throws, this rejects with
   * @throws SessionsUnavailableError the file cannot be read, locked or written; nothing has changed
   */
  commit(apply: (table: SessionTable) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.push({ apply, resolve, reject });
      this.committing ??= this.commitPending();
    });
  }

  /**
   * Records the use of sessions: at once here, and in the file where what that says is out of date. A use that
   * cannot be written is reported, and costs its caller nothing.
   */
  async use(records: SessionRecord[]): Promise<void> {
    const now = this.table.now();
    const oldest = oldestRecordedUse(now, this.table.lifetimes);
    let isStale = false;
    for (const record of records) {
      this.table.use(record, now);
      if ((record.savedLastUsedAt ?? now) >= oldest) continue;
      isStale = true;
      record.savedLastUsedAt = now; // if saving fails, the next try is as far away as after a success
    }
    if (!isStale) return;
    try {
      await this.commit(() => true);
    } catch (error) {
      this.logger.warn(`The use of sessions could not be recorded: ${String(error)}`);
    }
  }

  /** Whether the file holds sessions that have ended. */
  get holdsEnded(): boolean {
    return this.table.size < this.savedCount;
  }

  /** Finishes what is under way, and forgets what was read. */
  async close(): Promise<void> {
    while (this.committing) await this.committing;
    await this.inTurn(async () => {
      this.table.clear();
      this.revision = undefined;
    });
  }

  private async commitPending(): Promise<void> {
    // A tick later, so that changes that were asked for together are written together.
    await Promise.resolve();
    while (this.pending.length > 0) {
      let tell = (): void => undefined;
      try {
        await this.lock.withLock(async () => {
          tell = await this.inTurn(() => this.commitBatch());
        });
      } catch (cause) {
        const error = this.unavailable('written', cause);
        for (const { reject } of this.pending.splice(0)) reject(error);
      } finally {
        tell();
      }
    }
    this.committing = undefined;
  }

  /** Makes and writes all changes that wait. @returns tells those who wait for them how it went */
  private async commitBatch(): Promise<() => void> {
    if (!(await this.refresh())) {
      await this.file.setAside();
      await this.refresh();
    }
    const batch = this.pending.splice(0);
    this.isWriting = true;
    try {
      const outcomes = batch.map((change) => this.apply(change));
      if (outcomes.some(({ hasChanged }) => hasChanged)) await this.write();
      return () => outcomes.forEach(({ tell }) => tell());
    } catch (cause) {
      const error = this.unavailable('written', cause);
      return () => batch.forEach(({ reject }) => reject(error));
    } finally {
      this.isWriting = false;
    }
  }

  /** Makes one change in the table; how it went is told when it is durable. */
  private apply({ apply, resolve, reject }: PendingChange): { hasChanged: boolean; tell: () => void } {
    try {
      return { hasChanged: apply(this.table), tell: resolve };
    } catch (error) {
      return { hasChanged: false, tell: () => reject(error) };
    }
  }

  private async write(): Promise<void> {
    const { table } = this;
    let count = 0;
    const records = function* (): Generator<SessionRecord> {
      for (const record of table.records()) {
        count += 1;
        record.savedLastUsedAt = record.lastUsedAt;
        yield record;
      }
    };
    // If writing fails, the table is ahead of the file, and has to be read anew.
    this.revision = undefined;
    this.revision = await this.file.write(records(), () => this.lock.assertHeld());
    this.savedCount = count;
  }

  /** Reads the file if it is another one than the table holds. @returns whether the file is sound */
  private async refresh(): Promise<boolean> {
    // Read first: if the file changes in between, its revision is too old, and it is read once more.
    const revision = await this.file.revision();
    if (revision === this.revision && revision !== UNKNOWN) return true;
    if (this.revision === undefined && revision !== ABSENT) await this.file.tidyUp();
    const content = await this.file.read();
    if (!content) return false;
    const { records, foreign } = content;
    for (const record of records) this.keepUse(record);
    this.table.clear();
    for (const record of records) this.table.restore(record);
    try {
      for (const session of foreign) this.table.create(session);
    } catch (error) {
      if (error instanceof InvalidSessionError || error instanceof SessionAlreadyExistsError) return false;
      throw error;
    }
    this.savedCount = records.length + foreign.length;
    this.revision = revision;
    return true;
  }

  /** What this process knows of a session's use, and the file does not know yet, goes on to count. */
  private keepUse(record: SessionRecord): void {
    record.savedLastUsedAt = record.lastUsedAt;
    const known = this.table.find(record.userId, record.sessionId);
    if (known) record.lastUsedAt = Math.max(known.lastUsedAt, record.lastUsedAt);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private unavailable(what: 'read' | 'written', cause: unknown): SessionsUnavailableError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SessionsUnavailableError(`Sessions cannot be ${what}: ${this.file.path}: ${reason}`, {
      cause,
    });
  }
}
