import { SessionNotFoundError } from '../common/errors.js';
import { OAuthAuthorizationDraft } from './oauth-authorization-draft.js';
import {
  acceptedState,
  examineCallback,
  hasAcceptedCallback,
  newState,
  type OAuthCallback,
} from './oauth-callback.js';
import { isOfIssuer } from './oauth-issuer.js';
import { AuthorizationRequiredError, OAuthCallbackError, type OAuthRefreshError } from './oauth.errors.js';
import { OAuthRefreshCarrier } from './oauth-refresh-carrier.js';
import { OAuthRefreshTurn } from './oauth-refresh-turn.js';
import { addClient, addRefreshToken } from './oauth-sdk-request.js';
import { OAuthTokenRefresher } from './oauth-token-refresher.js';
import { OAuthTokenStore } from './oauth-token-store.js';
import { currentTokens, holdsRefreshToken, storedTokens, tokensOf } from './oauth-tokens.js';
import type {
  OAuthClientInformation,
  OAuthClientMetadata,
  OAuthDiscoveryState,
  OAuthIssuerContext,
  OAuthServerMetadata,
  OAuthTokens,
} from './oauth-types.interface.js';
import type { SessionOAuthProviderOptions } from './session-oauth-provider-options.interface.js';
import type { Session, Sessions } from './sessions.interface.js';

/**
 * An `OAuthClientProvider` for the clients of `@modelcontextprotocol/sdk` and `@modelcontextprotocol/client` that
 * keeps everything in a session: tokens, registration, PKCE verifier, `state`, and what is known of the
 * authorization server. Any instance can go on where another stopped.
 *
 * @throws SessionNotFoundError there is no such session
 */
export async function sessionOAuthProvider(
  sessions: Sessions,
  userId: string,
  sessionId: string,
  options: SessionOAuthProviderOptions = {},
): Promise<SessionOAuthProvider> {
  const session = await sessions.get(userId, sessionId);
  if (!session) throw new SessionNotFoundError([sessionId]);
  return new SessionOAuthProvider(sessions, session, options);
}

/** Made by {@link sessionOAuthProvider}. The SDK calls most of its methods; the application, `acceptCallback`. */
export class SessionOAuthProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: OAuthClientMetadata;
  readonly clientMetadataUrl: string | undefined;
  private readonly userId: string;
  private readonly sessionId: string;
  private readonly store: OAuthTokenStore;
  private readonly refresher: OAuthTokenRefresher;
  private readonly turn: OAuthRefreshTurn;
  private readonly carrier: OAuthRefreshCarrier;
  private readonly draft = new OAuthAuthorizationDraft();
  private readonly now: () => number;
  /** The refresh token of the tokens that were handed out last. */
  private handedOut: string | undefined;

  constructor(
    private readonly sessions: Sessions,
    { userId, sessionId, callbackUrl }: Session,
    private readonly options: SessionOAuthProviderOptions,
  ) {
    this.userId = userId;
    this.sessionId = sessionId;
    this.redirectUrl = callbackUrl;
    this.clientMetadata = {
      client_name: 'MCP client',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...options.clientMetadata,
      redirect_uris: options.clientMetadata?.redirect_uris ?? [callbackUrl],
    };
    this.clientMetadataUrl = options.clientMetadataUrl;
    this.now = options.now ?? (() => Date.now());
    this.store = new OAuthTokenStore(sessions, userId, sessionId);
    const refresherOptions = { ...options, now: this.now };
    this.refresher = new OAuthTokenRefresher(sessions, userId, sessionId, this.store, refresherOptions);
    this.turn = new OAuthRefreshTurn(sessions, userId, sessionId);
    this.carrier = new OAuthRefreshCarrier(this.turn, refresherOptions);
  }

  /**
   * Accepts the callback of an authorization, once: give what it answers to `finishAuth` of the SDK's transport,
   * `code` to the one of v1, `code` and `iss` to the one of v2. Without it, the code cannot be exchanged.
   *
   * @param params the query of the callback's URL
   * @throws OAuthCallbackError `state` or `iss` are not those of this session's authorization, or the user was refused
   */
  acceptCallback(params: URLSearchParams): Promise<OAuthCallback> {
    return this.sessions.withLock(this.userId, this.sessionId, async (session) => {
      const callback = examineCallback(params, session);
      // What belongs to this callback, also if another authorization has begun since it was read.
      const { codeVerifier, clientInformation, clientId } = session;
      await this.update({ oauthState: acceptedState(session), codeVerifier, clientInformation, clientId });
      return callback;
    });
  }

  /**
   * Begins an authorization: its `state`.
   *
   * @throws AuthorizationRequiredError `interactive` is `false`
   * @throws OAuthRefreshError the SDK has given up on a refresh that the authorization server has not refused
   */
  async state(): Promise<string> {
    const failure = this.turn.giveUp();
    if (failure && !(await this.isRevoked(failure))) throw failure;
    if (this.options.interactive === false) throw new AuthorizationRequiredError();
    return newState(this.sessionId);
  }

  async clientInformation(context?: OAuthIssuerContext): Promise<OAuthClientInformation | undefined> {
    const client = (await this.session()).clientInformation as OAuthClientInformation | undefined;
    if (!client || !isOfIssuer(client, context?.issuer)) return undefined;
    this.draft.addClient(client);
    return client;
  }

  /** Keeps the registration, unless another instance was faster: then it is that of the next authorization here. */
  async saveClientInformation(clientInformation: OAuthClientInformation): Promise<void> {
    this.draft.addClient(clientInformation);
    const stored = (await this.session()).clientInformation as OAuthClientInformation | undefined;
    const { client_id, issuer } = clientInformation;
    if (stored && stored.client_id !== client_id && isOfIssuer(stored, issuer)) return;
    await this.update({ clientInformation, clientId: client_id });
  }

  /**
   * The session's tokens. An access token that expires is refreshed first: by one of all instances, while the others
   * wait for what it gets.
   *
   * @throws OAuthRefreshError the access token has expired, and the authorization server is not there to refresh it
   */
  async tokens(context?: OAuthIssuerContext): Promise<OAuthTokens | undefined> {
    const session = await this.store.withUnstored(await this.session());
    const stored = tokensOf(session, context?.issuer);
    const tokens = stored && (await this.refresher.fresh(stored));
    this.handedOut = tokens?.refresh_token;
    return tokens && currentTokens(tokens, this.now());
  }

  /** Keeps the tokens; the session is connected. A storage that is away is tried again for four seconds. */
  async saveTokens(tokens: OAuthTokens): Promise<void> {
    const over = { status: 'active', authUrl: null, codeVerifier: null, oauthState: null } as const;
    try {
      await this.store.store({ ...over, tokens: storedTokens(tokens, this.now()) }, this.handedOut);
      this.turn.finish();
    } finally {
      this.turn.release();
    }
  }

  /** The user has to authorize the connection: it is pending until then. */
  async redirectToAuthorization(authorizationUrl: URL): Promise<void> {
    await this.update(this.draft.complete(authorizationUrl));
    await this.options.onRedirect?.(authorizationUrl);
  }

  /** The session has it once the user is sent to the authorization server. */
  saveCodeVerifier(codeVerifier: string): Promise<void> {
    this.draft.addVerifier(codeVerifier);
    return Promise.resolve();
  }

  /** @throws OAuthCallbackError `acceptCallback` has not accepted a callback */
  async codeVerifier(): Promise<string> {
    const session = await this.session();
    if (!hasAcceptedCallback(session) || !session.codeVerifier) {
      throw new OAuthCallbackError('No callback was accepted: pass its parameters to acceptCallback first');
    }
    return session.codeVerifier;
  }

  async discoveryState(): Promise<OAuthDiscoveryState | undefined> {
    return (await this.session()).discoveryState as OAuthDiscoveryState | undefined;
  }

  async saveDiscoveryState(discoveryState: OAuthDiscoveryState): Promise<void> {
    await this.update({ discoveryState });
  }

  /** Forgets credentials that were rejected; not tokens that another instance has got in the meantime. */
  async invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void> {
    const covers = (part: typeof scope): boolean => scope === part || scope === 'all';
    const { refresh_token } = tokensOf(await this.store.withUnstored(await this.session())) ?? {};
    await this.update({
      ...(covers('client') && { clientInformation: null, clientId: null }),
      ...(covers('tokens') && refresh_token === this.handedOut && { tokens: null }),
      ...(covers('verifier') && { codeVerifier: null, oauthState: null }),
      ...(covers('discovery') && { discoveryState: null }),
    });
    if (covers('client')) this.draft.forgetClients();
    // v2 of the SDK gives up the client first, and then the tokens.
    if (covers('tokens')) this.turn.finish();
  }

  /**
   * For the transport, as its `fetch`. With it, instances whose token is rejected at once refresh it once, as when it
   * expires, and a refresh that fails costs nobody the wait for its turn. Sends with the option `fetch`.
   */
  readonly fetch = (url: string | URL, init?: RequestInit): Promise<Response> =>
    this.carrier.fetch(url, init);

  /**
   * Adds the client's credentials to a token request of the SDK. If it is to refresh a token that was rejected before
   * its time, this waits for the turn, and shows the newest refresh token: no refresh token is used twice.
   */
  readonly addClientAuthentication = async (
    headers: Headers,
    params: URLSearchParams,
    url: string | URL,
    metadata?: Pick<OAuthServerMetadata, 'token_endpoint_auth_methods_supported'>,
  ): Promise<void> => {
    const request = { headers, params, url, metadata };
    if (params.get('grant_type') !== 'refresh_token') return addClient(await this.session(), request);
    const presented = params.get('refresh_token');
    await this.turn.begin(async (session) => {
      const stored = addRefreshToken(await this.store.withUnstored(session), request);
      this.handedOut = stored.refresh_token;
      this.carrier.expect(params, { presented, stored });
    });
  };

  /**
   * Whether a refresh has failed because another instance was refused it before, and the SDK may ask the user: with the
   * client that it knows.
   *
   * @throws OAuthRefreshError this one, if the session cannot be read either
   */
  private async isRevoked(failure: OAuthRefreshError): Promise<boolean> {
    const session = await this.sessions.get(this.userId, this.sessionId).catch(() => {
      throw failure;
    });
    return session !== null && !holdsRefreshToken(session) && this.draft.hasClientOf(session);
  }

  private async session(): Promise<Session> {
    const session = await this.sessions.get(this.userId, this.sessionId);
    if (!session) throw new SessionNotFoundError([this.sessionId]);
    return session;
  }

  private update(data: Partial<Session>): Promise<void> {
    return this.sessions.update(this.userId, this.sessionId, data);
  }
}
