import { OAuthRefreshError } from './oauth.errors.js';
import type { Session, Sessions } from './sessions.interface.js';

/** An SDK that does not say how its refresh went has lost its turn, in milliseconds. */
const TURN_MS = 15_000;

/**
 * Holds a session's lock while the SDK itself refreshes the token, which it does between two calls of its provider,
 * when a server rejects a token that has not expired.
 */
export class OAuthRefreshTurn {
  private end: (() => void) | undefined;
  /** Whether a refresh has begun, and nobody knows yet how it went. */
  private isOpen = false;
  /** Why the refresh has failed, where that is known. */
  private cause: unknown;
  /** Why refreshes were not sent. The SDK goes on with `state` after each. */
  private readonly failures: unknown[] = [];

  constructor(
    private readonly sessions: Sessions,
    private readonly userId: string,
    private readonly sessionId: string,
  ) {}

  /**
   * Waits for the turn, and gives `prepare` the session as it is then. The turn lasts until `finish`, but not for
   * ever.
   */
  async begin(prepare: (session: Session) => Promise<void>): Promise<void> {
    try {
      const session = await this.wait();
      try {
        await prepare(session);
      } catch (error) {
        this.finish();
        throw error;
      }
    } catch (error) {
      this.failures.push(error);
      throw error;
    }
  }

  /** It is known how the refresh went: lets go of the lock, if it is held. */
  finish(): void {
    this.isOpen = false;
    this.release();
  }

  /** The refresh has failed: lets go of the lock. The SDK either goes on with `state` or lets its caller know. */
  fail(cause: unknown): void {
    this.cause = cause;
    this.release();
  }

  /** Lets go of the lock. How the refresh went is still to be told. */
  release(): void {
    this.end?.();
    this.end = undefined;
  }

  /**
   * What has become of the refresh, if the SDK gives up on it: neither fresh tokens nor a refusal.
   *
   * @returns `undefined` if there was none
   */
  giveUp(): OAuthRefreshError | undefined {
    if (this.failures.length > 0) {
      const cause = this.failures.shift();
      return new OAuthRefreshError('The token was rejected, and its refresh could not be sent', { cause });
    }
    if (!this.isOpen) return undefined;
    this.finish();
    const message = 'The token was rejected, and the authorization server has not refreshed it';
    return new OAuthRefreshError(message, { cause: this.cause });
  }

  private wait(): Promise<Session> {
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

  private untilFinished(): Promise<void> {
    this.isOpen = true;
    this.cause = undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TURN_MS).unref();
      this.end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
