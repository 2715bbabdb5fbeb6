import { setTimeout as delay } from 'node:timers/promises';
import { SessionNotFoundError } from '../common/errors.js';
import { tokensOf } from './oauth-tokens.js';
import { InvalidSessionError } from './sessions.errors.js';
import type { Session, Sessions } from './sessions.interface.js';

/** How long storing is tried again, in milliseconds; the wait before the first retry, and the longest. */
const [KEEP_TRYING_MS, FIRST_RETRY_MS, RETRY_MS] = [4_000, 50, 1_000];

/** Stores the tokens of a session. Until that has succeeded, this process is the only one that has them. */
export class OAuthTokenStore {
  private unstored: { data: Partial<Session>; replaced: string | undefined } | undefined;

  constructor(
    private readonly sessions: Sessions,
    private readonly userId: string,
    private readonly sessionId: string,
  ) {}

  /** Whether there are tokens that could not be stored. */
  get hasUnstored(): boolean {
    return this.unstored !== undefined;
  }

  /**
   * Stores tokens, and tries for four seconds if the storage is away.
   *
   * @param data what the session gets with them
   * @param replaced the refresh token that they were got with, if there was one
   * @throws the error of the storage; `withUnstored` has the tokens then, unless they could never be stored
   */
  async store(data: Partial<Session>, replaced: string | undefined): Promise<void> {
    this.unstored = { data, replaced };
    const giveUpAt = Date.now() + KEEP_TRYING_MS;
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MS)) {
      try {
        return await this.flush();
      } catch (error) {
        if (!this.unstored || Date.now() + waitMs > giveUpAt) throw error;
      }
      await delay(waitMs);
    }
  }

  /** The session with the tokens that could not be stored, if they are newer. Tries to store them again, once. */
  async withUnstored(session: Session): Promise<Session> {
    const unstored = this.unstored;
    if (!unstored) return session;
    if (tokensOf(session)?.refresh_token !== unstored.replaced) {
      this.unstored = undefined;
      return session;
    }
    await this.flush().catch(() => undefined);
    return { ...session, tokens: unstored.data.tokens };
  }

  private async flush(): Promise<void> {
    const unstored = this.unstored;
    if (!unstored) return;
    let isDone = true;
    try {
      await this.sessions.update(this.userId, this.sessionId, unstored.data);
    } catch (error) {
      isDone = error instanceof SessionNotFoundError || error instanceof InvalidSessionError;
      throw error;
    } finally {
      if (isDone && this.unstored === unstored) this.unstored = undefined;
    }
  }
}
