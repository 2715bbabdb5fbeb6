import { copyOf } from './session-codec.js';
import { generateSessionId } from './session-id.js';
import type { Session, Sessions } from './sessions.interface.js';

/**
 * A repository that is made when it is first used, and again when it is used after `disconnect`. It is a plain object
 * with these methods and no others: in particular no `then`, so that it can be returned by asynchronous functions.
 */
export class LazySessions implements Sessions {
  private made: Promise<Sessions> | undefined;

  /** @param make makes the repository; when that fails, the next use tries again */
  constructor(private readonly make: () => Promise<Sessions>) {}

  /** Whether there is a repository now: it has been used, and not disconnected since. */
  get isInUse(): boolean {
    return this.made !== undefined;
  }

  generateSessionId(): string {
    return generateSessionId();
  }

  async create(session: Session): Promise<void> {
    // Copied now: the caller may change it before there is a repository.
    const copy = copyOf(session);
    await (await this.sessions()).create(copy);
  }

  async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const copy = copyOf(data);
    await (await this.sessions()).update(userId, sessionId, copy);
  }

  async get(userId: string, sessionId: string): Promise<Session | null> {
    return (await this.sessions()).get(userId, sessionId);
  }

  async list(userId: string): Promise<Session[]> {
    return (await this.sessions()).list(userId);
  }

  async listIds(userId: string): Promise<string[]> {
    return (await this.sessions()).listIds(userId);
  }

  async delete(userId: string, sessionId: string): Promise<void> {
    await (await this.sessions()).delete(userId, sessionId);
  }

  async listAllIds(): Promise<string[]> {
    return (await this.sessions()).listAllIds();
  }

  async clearAll(): Promise<void> {
    await (await this.sessions()).clearAll();
  }

  async cleanupExpired(): Promise<void> {
    await (await this.sessions()).cleanupExpired();
  }

  async disconnect(): Promise<void> {
    const made = this.made;
    this.made = undefined;
    // What could not be made holds nothing, and whoever used it knows.
    const sessions = await made?.catch(() => undefined);
    await sessions?.disconnect();
  }

  async withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T> {
    return (await this.sessions()).withLock(userId, sessionId, work);
  }

  private sessions(): Promise<Sessions> {
    if (this.made) return this.made;
    const made = this.make();
    this.made = made;
    made.catch(() => {
      if (this.made === made) this.made = undefined;
    });
    return made;
  }
}
