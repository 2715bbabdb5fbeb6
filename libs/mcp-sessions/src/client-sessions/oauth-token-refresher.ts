import { isOfServer } from './oauth-issuer.js';
import type { OAuthTokenStore } from './oauth-token-store.js';
import { requestRefresh } from './oauth-token-request.js';
import { hasExpired, isDueForRefresh, storedTokens, tokensOf, type StoredTokens } from './oauth-tokens.js';
import type { OAuthClientInformation, OAuthDiscoveryState } from './oauth-types.interface.js';
import type { SessionOAuthProviderOptions } from './session-oauth-provider-options.interface.js';
import type { Sessions } from './sessions.interface.js';

type RefresherOptions = Pick<SessionOAuthProviderOptions, 'refreshEarlyMs' | 'fetch'> & { now: () => number };

/** Refreshes a session's access token before it expires: one of all instances does, while the others wait. */
export class OAuthTokenRefresher {
  private refreshing: Promise<StoredTokens | undefined> | undefined;

  constructor(
    private readonly sessions: Sessions,
    private readonly userId: string,
    private readonly sessionId: string,
    private readonly store: OAuthTokenStore,
    private readonly options: RefresherOptions,
  ) {}

  /**
   * These tokens, or fresher ones if it is time.
   *
   * @returns `undefined` if the authorization server has revoked them
   * @throws OAuthRefreshError the access token has expired, and the authorization server is not there to refresh it
   */
  async fresh(tokens: StoredTokens): Promise<StoredTokens | undefined> {
    if (!this.isDue(tokens)) return tokens;
    this.refreshing ??= this.refresh().finally(() => (this.refreshing = undefined));
    try {
      return await this.refreshing;
    } catch (error) {
      if (hasExpired(tokens, this.options.now())) throw error;
      return tokens; // good for a while yet: the next call tries again
    }
  }

  private refresh(): Promise<StoredTokens | undefined> {
    return this.sessions.withLock(this.userId, this.sessionId, async (locked) => {
      const session = await this.store.withUnstored(locked);
      const tokens = tokensOf(session);
      const client = session.clientInformation as OAuthClientInformation | undefined;
      const discovery = session.discoveryState as OAuthDiscoveryState | undefined;
      // Another instance was faster; or the SDK has to find out about the authorization server first.
      if (!tokens?.refresh_token || !this.isDue(tokens) || !client || !discovery) return tokens;
      // The session has moved to another authorization server: the SDK is to see whose these are.
      if (!isOfServer(tokens, discovery) || !isOfServer(client, discovery)) return tokens;
      const send = this.options.fetch ?? fetch;
      const outcome = await requestRefresh({
        refreshToken: tokens.refresh_token,
        client,
        discovery,
        fetch: send,
      });
      if ('refusal' in outcome) return this.forget(outcome.refusal);
      const { issuer, scope } = tokens;
      const fresh = storedTokens({ scope, ...outcome.tokens, issuer }, this.options.now());
      await this.keep(fresh, tokens.refresh_token);
      return fresh;
    });
  }

  /** Stores the tokens. If the storage is away for longer, this instance goes on with them. */
  private async keep(tokens: StoredTokens, replaced: string): Promise<void> {
    try {
      await this.store.store({ tokens }, replaced);
    } catch (error) {
      if (!this.store.hasUnstored) throw error;
    }
  }

  /** Forgets the tokens; the registration as well, unless the refusal is about the tokens. */
  private async forget(refusal: string): Promise<undefined> {
    const registration = refusal === 'invalid_grant' ? {} : { clientInformation: null, clientId: null };
    await this.sessions.update(this.userId, this.sessionId, { tokens: null, ...registration });
  }

  private isDue(tokens: StoredTokens): boolean {
    if (tokens.refresh_token === undefined) return false;
    return isDueForRefresh(tokens, this.options.refreshEarlyMs ?? 30_000, this.options.now());
  }
}
