import { expect } from '@jest/globals';
import {
  sessionOAuthProvider,
  type SessionOAuthProvider,
} from '../../../libs/mcp-sessions/src/client-sessions/session-oauth-provider.js';
import type { SessionOAuthProviderOptions } from '../../../libs/mcp-sessions/src/client-sessions/session-oauth-provider-options.interface.js';
import type { OAuthTokens } from '../../../libs/mcp-sessions/src/client-sessions/oauth-types.interface.js';
import type { Session, Sessions } from '../../../libs/mcp-sessions/src/client-sessions/sessions.interface.js';
import { AuthorizationServer } from './authorization-server.js';
import type { MCP_CLIENTS, McpClient } from './mcp-clients.js';
import { startProtectedServer } from './protected-server.js';

export const CALLBACK_URL = 'http://127.0.0.1:9/callback';

type MakeClient = (typeof MCP_CLIENTS)[string];

/** What these tests need of an authorization server. */
type AnyAuthorizationServer = Pick<
  AuthorizationServer,
  'issuer' | 'userOf' | 'authorize' | 'revokeAccessToken' | 'revokeGrant'
>;

/** One session of a user with an MCP server that demands a token, and the authorization server that gives it. */
export class OAuthFlow<Server extends AnyAuthorizationServer = AuthorizationServer> {
  private constructor(
    private readonly sessions: Sessions,
    private readonly makeClient: MakeClient,
    /** The one that the MCP server trusts; another may take its place. */
    public authorizationServer: Server,
    public url: string,
  ) {}

  static async start(sessions: Sessions, makeClient: MakeClient): Promise<OAuthFlow> {
    return OAuthFlow.with(await AuthorizationServer.start(), sessions, makeClient);
  }

  static async with<Server extends AnyAuthorizationServer>(
    authorizationServer: Server,
    sessions: Sessions,
    makeClient: MakeClient,
  ): Promise<OAuthFlow<Server>> {
    const flow = new OAuthFlow(sessions, makeClient, authorizationServer, '');
    const url = await startProtectedServer(() => flow.authorizationServer);
    flow.url = url;
    await sessions.create({
      sessionId: 'session',
      userId: 'user',
      serverUrl: url,
      callbackUrl: CALLBACK_URL,
      transportType: 'streamable-http',
      createdAt: Date.now(),
    });
    return flow;
  }

  async session(): Promise<Session> {
    return (await this.sessions.get('user', 'session'))!;
  }

  async tokens(): Promise<OAuthTokens> {
    return (await this.session()).tokens as OAuthTokens;
  }

  provider(options?: SessionOAuthProviderOptions): Promise<SessionOAuthProvider> {
    return sessionOAuthProvider(this.sessions, 'user', 'session', options);
  }

  /** A client of another instance, not connected yet. */
  async client(options?: SessionOAuthProviderOptions): Promise<McpClient> {
    return this.makeClient(this.url, await this.provider(options));
  }

  /** A client of another instance. */
  async connected(options?: SessionOAuthProviderOptions): Promise<McpClient> {
    const client = await this.client(options);
    await client.connect();
    return client;
  }

  /** Has an instance send the user to the authorization server; answers the callback that she comes back with. */
  async callback(): Promise<URLSearchParams> {
    await expect((await this.client()).connect()).rejects.toThrow('Unauthorized');
    const { authUrl } = await this.session();
    return this.authorizationServer.authorize(authUrl!, CALLBACK_URL);
  }

  /** Goes through the whole authorization; another instance takes the callback, and is connected then. */
  async authorize(): Promise<McpClient> {
    const client = await this.login();
    await client.connect();
    return client;
  }

  /** Goes through the authorization, and leaves it at that: no client is there to do anything of its own. */
  async login(): Promise<McpClient> {
    const params = await this.callback();
    const client = await this.client();
    await client.finishAuth(params);
    return client;
  }

  /** The authorization server takes everything back that it has given. */
  async revokeEverything(): Promise<void> {
    const { access_token, refresh_token } = await this.tokens();
    await this.authorizationServer.revokeGrant(refresh_token!);
    await this.authorizationServer.revokeAccessToken(access_token);
  }
}
