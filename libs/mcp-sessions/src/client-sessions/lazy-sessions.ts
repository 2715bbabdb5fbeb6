import { MemoryStorageBackend } from './memory-storage-backend.js';
import { copyOf } from './session-codec.js';
import { generateSessionId } from './session-id.js';
import type { Session, Sessions } from './sessions.interface.js';

/**
 * A repository that is made when it is first used, and again when it is used after `disconnect`; what was kept in
 * memory is still there then. Several applications of one process may share it. It is a plain object without a `then`,
 * so that it can be returned by asynchronous functions.
 */
export class LazySessions implements Sessions {
  private made: Promise<Sessions> | undefined;
  /** What was made, once it is. */
  private ready: Sessions | undefined;
  /** Its sessions are nowhere else, so there is never a second one. */
  private inMemory: MemoryStorageBackend | undefined;
  private holders = 0;

  /** @param make makes the repository; when that fails, the next use tries again */
  constructor(private readonly make: () => Promise<Sessions>) {}

  /** Whether there is a repository now: it has been used, and not disconnected since. */
  get isInUse(): boolean {
    return this.made !== undefined;
  }

  /**
   * Says that somebody relies on the connections of the repository.
   *
   * @returns a function that says that this is over: the last one's disconnects. It does so once
   */
  hold(): () => Promise<void> {
    let isHeld = true;
    this.holders += 1;
    return async () => {
      if (!isHeld) return;
      isHeld = false;
      this.holders -= 1;
      if (this.holders === 0) await this.disconnect();
    };
  }

  generateSessionId(): string {
    return generateSessionId();
  }

  async create(session: Session): Promise<void> {
    // Copied now: the caller may change it before there is a repository.
    const given = this.ready ? session : copyOf(session);
    await this.use((sessions) => sessions.create(given));
  }

  async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const given = this.ready ? data : copyOf(data);
    await this.use((sessions) => sessions.update(userId, sessionId, given));
  }

  get(userId: string, sessionId: string): Promise<Session | null> {
    return this.use((sessions) => sessions.get(userId, sessionId));
  }

  list(userId: string): Promise<Session[]> {
    return this.use((sessions) => sessions.list(userId));
  }

  listIds(userId: string): Promise<string[]> {
    return this.use((sessions) => sessions.listIds(userId));
  }

  delete(userId: string, sessionId: string): Promise<void> {
    return this.use((sessions) => sessions.delete(userId, sessionId));
  }

  listAllIds(): Promise<string[]> {
    return this.use((sessions) => sessions.listAllIds());
  }

  clearAll(): Promise<void> {
    return this.use((sessions) => sessions.clearAll());
  }

  cleanupExpired(): Promise<void> {
    return this.use((sessions) => sessions.cleanupExpired());
  }

  async disconnect(): Promise<void> {
    const made = this.made;
    this.made = undefined;
    this.ready = undefined;
    // What could not be made holds nothing, and whoever used it knows.
    const sessions = await made?.catch(() => undefined);
    await sessions?.disconnect();
  }

  withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.use((sessions) => sessions.withLock(userId, sessionId, work));
  }

  private use<T>(work: (sessions: Sessions) => Promise<T>): Promise<T> {
    return this.ready ? work(this.ready) : this.sessions().then(work);
  }

  private sessions(): Promise<Sessions> {
    if (this.made) return this.made;
    const made = this.make().then((sessions) => this.orKept(sessions));
    this.made = made;
    made.then(
      (sessions) => {
        if (this.made === made) this.ready = sessions;
      },
      () => {
        if (this.made === made) this.made = undefined;
      },
    );
    return made;
  }

  private orKept(sessions: Sessions): Sessions {
    if (!(sessions instanceof MemoryStorageBackend)) return sessions;
    return (this.inMemory ??= sessions);
  }
}
