import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { cleanUpLater } from '../../support/clean-up.js';

/** What an authorization server says. */
interface Answer {
  status: number;
  body: object;
}

/** A small OAuth authorization server whose user is `alice`, and that misbehaves as a test wants it to. */
export class ScriptedAuthorizationServer {
  /** The bodies of the token requests, in order. */
  readonly requests: URLSearchParams[] = [];
  /** The ids of the clients that it knows. */
  readonly clients = new Set<string>();
  /** The access tokens that are good. */
  readonly accessTokens = new Set<string>();
  /** The refresh tokens that are good, once each. */
  readonly refreshTokens = new Set<string>();
  /** Goes over what it says of itself; `null`: it says nothing. */
  metadata: object | null = {};
  /** Seconds until access tokens expire; `undefined`: it does not say. */
  expiresIn: number | undefined = 3_600;
  /** Whether a refresh gives another refresh token; either way it ends the access tokens from before. */
  rotates = true;
  /** Answers a token request instead of it; `drop`: the connection; `undefined`: it answers itself. */
  answer: (params: URLSearchParams) => Answer | 'drop' | undefined | Promise<undefined> = () => undefined;
  /** Holds a registration up. */
  registering: () => Promise<void> = () => Promise.resolve();
  private readonly codes = new Map<string, URLSearchParams>();

  private constructor(readonly issuer: string) {}

  static async start(): Promise<ScriptedAuthorizationServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const scripted = new ScriptedAuthorizationServer(`http://127.0.0.1:${port}`);
    server.on('request', (request, response) => void scripted.handle(request, response));
    cleanUpLater(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return scripted;
  }

  /** The refresh tokens that it was sent, in order. */
  get refreshes(): string[] {
    return this.requests.flatMap((params) => params.get('refresh_token') ?? []);
  }

  async userOf(accessToken: string): Promise<string | undefined> {
    return this.accessTokens.has(accessToken) ? 'alice' : undefined;
  }

  async revokeAccessToken(accessToken: string): Promise<void> {
    this.accessTokens.delete(accessToken);
  }

  async revokeGrant(refreshToken: string): Promise<void> {
    this.refreshTokens.delete(refreshToken);
  }

  /** What the callback gets when the user opens the URL. */
  async authorize(authorizationUrl: string | URL): Promise<URLSearchParams> {
    const { searchParams } = new URL(authorizationUrl);
    const code = randomUUID();
    this.codes.set(code, searchParams);
    return new URLSearchParams({ code, state: searchParams.get('state')!, iss: this.issuer });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const answer = await this.route(new URL(request.url!, this.issuer).pathname, body);
    if (answer === 'drop') return void request.socket.destroy();
    response
      .writeHead(answer.status, { 'content-type': 'application/json' })
      .end(JSON.stringify(answer.body));
  }

  private async route(path: string, body: string): Promise<Answer | 'drop'> {
    if (path === '/.well-known/oauth-authorization-server' && this.metadata)
      return { status: 200, body: this.describe() };
    if (path === '/register') {
      await this.registering();
      return { status: 201, body: this.register(JSON.parse(body) as object) };
    }
    if (path !== '/token') return { status: 404, body: {} };
    const params = new URLSearchParams(body);
    this.requests.push(params);
    return (await this.answer(params)) ?? this.grant(params);
  }

  private describe(): object {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      registration_endpoint: `${this.issuer}/register`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      authorization_response_iss_parameter_supported: true,
      ...this.metadata,
    };
  }

  private register(metadata: object): object {
    const client_id = `client-${randomUUID()}`;
    this.clients.add(client_id);
    return { ...metadata, client_id };
  }

  private grant(params: URLSearchParams): Answer {
    const clientId = params.get('client_id') ?? '';
    if (!this.clients.has(clientId)) return { status: 401, body: { error: 'invalid_client' } };
    const presented = params.get('refresh_token');
    const isGranted =
      presented === null ? this.isAnswered(params, clientId) : this.refreshTokens.delete(presented);
    if (!isGranted) return { status: 400, body: { error: 'invalid_grant' } };
    if (presented !== null) this.accessTokens.clear();
    const access_token = `access-${randomUUID()}`;
    const refresh_token = presented === null || this.rotates ? `refresh-${randomUUID()}` : presented;
    this.accessTokens.add(access_token);
    this.refreshTokens.add(refresh_token);
    const body = { access_token, refresh_token, token_type: 'Bearer', expires_in: this.expiresIn };
    return { status: 200, body };
  }

  /** Whether the code is of this client, and the verifier the one whose challenge came with the question. */
  private isAnswered(params: URLSearchParams, clientId: string): boolean {
    const asked = this.codes.get(params.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(params.get('code_verifier') ?? '')
      .digest('base64url');
    return asked?.get('client_id') === clientId && asked.get('code_challenge') === challenge;
  }
}
