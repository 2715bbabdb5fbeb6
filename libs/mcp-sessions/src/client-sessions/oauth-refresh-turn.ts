import type { Session, Sessions } from './sessions.interface.js';

/** An SDK that does not say how its refresh went has lost its turn, in milliseconds. */
const TURN_MS = 15_000;

/**
 * Holds a session's lock while the SDK itself refreshes the token, which it does between two calls of its provider,
 * when a server rejects a token that has not expired.
 */
export class OAuthRefreshTurn {
  private end: (() => void) | undefined;

  constructor(
    private readonly sessions: Sessions,
    private readonly userId: string,
    private readonly sessionId: string,
  ) {}

  /** Waits for the turn, and answers the session as it is then. The turn lasts until `finish`, but not for ever. */
  begin(): Promise<Session> {
    return new Promise((resolve, reject) => {
      const turn = this.sessions.withLock(this.userId, this.sessionId, async (session) => {
        const ended = this.untilFinished();
        resolve(session);
        await ended;
      });
      // Once the turn has begun, this promise is settled, and losing the lock at its end changes nothing any more.
      turn.catch(reject);
    });
  }

  /** Lets go of the lock, if it is held. */
  finish(): void {
    this.end?.();
    this.end = undefined;
  }

  private untilFinished(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TURN_MS).unref();
      this.end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
