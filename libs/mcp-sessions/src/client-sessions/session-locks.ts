import { InvalidConfigurationError, SessionNotFoundError } from '../common/errors.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { SessionLockedError } from './sessions.errors.js';
import type { Session, Sessions } from './sessions.interface.js';

/** How long `withLock` waits unless the options say otherwise, in milliseconds. */
export const DEFAULT_LOCK_WAIT_MS = 30_000;

/** The longest delay that Node's timers take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** @throws InvalidConfigurationError it is not a number of milliseconds that a timer takes */
export function lockWaitOf({ lockWaitMs = DEFAULT_LOCK_WAIT_MS }: SessionsOptions): number {
  if (lockWaitMs >= 0 && lockWaitMs <= LONGEST_TIMER_MS) return lockWaitMs;
  throw new InvalidConfigurationError(`lockWaitMs must be between 0 and ${LONGEST_TIMER_MS}`);
}

/** The turns of each locked session, that of the holder first. */
type Turns = Map<string, (() => void)[]>;

/** The turns of the sessions in files: several instances of this process may have one file. */
const TURNS_IN_FILES: Turns = new Map();

/** Locks of one process: who asked first gets the lock first. */
export class SessionLocks {
  private readonly turns: Turns;

  /**
   * @param sessions where the session is read when the turn has come
   * @param waitMs how long a turn is waited for, in milliseconds
   * @param file the absolute path of the file that the sessions are in; all instances on it have their locks in common
   */
  constructor(
    private readonly sessions: Pick<Sessions, 'get'>,
    private readonly waitMs: number,
    private readonly file?: string,
  ) {
    this.turns = file === undefined ? new Map() : TURNS_IN_FILES;
  }

  /** What {@link Sessions.withLock} does. */
  withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.inTurn(userId, sessionId, async () => {
      const session = await this.sessions.get(userId, sessionId);
      if (!session) throw new SessionNotFoundError([sessionId]);
      return work(session);
    });
  }

  /**
   * Runs `work` when nobody else's runs for this session.
   *
   * @param work is told when the wait for the lock is over, if it has more to wait for: a time of `performance.now`
   * @throws SessionLockedError the turn has not come in time
   */
  async inTurn<T>(userId: string, sessionId: string, work: (giveUpAt: number) => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + this.waitMs;
    const key = JSON.stringify([this.file, userId, sessionId]);
    await this.acquire(key);
    try {
      return await work(giveUpAt);
    } finally {
      this.release(key);
    }
  }

  private acquire(key: string): Promise<void> {
    const turns = this.turns.get(key);
    if (!turns) {
      this.turns.set(key, [() => undefined]);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        turns.splice(turns.indexOf(begin), 1);
        reject(new SessionLockedError(this.waitMs));
      }, this.waitMs);
      turns.push(begin);
    });
  }

  private release(key: string): void {
    const turns = this.turns.get(key)!;
    turns.shift();
    if (turns.length === 0) this.turns.delete(key);
    else turns[0]!();
  }
}
