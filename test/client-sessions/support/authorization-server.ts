import { jest } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Configuration, Provider } from 'oidc-provider';
import { cleanUpLater } from '../../support/clean-up.js';

/** An OAuth authorization server (oidc-provider), where one user, `alice`, grants everything she is asked for. */
export class AuthorizationServer {
  /** The grants that succeeded, in order: `authorization_code`, `refresh_token`. */
  readonly grants: string[] = [];
  /** The grants that were refused, with the error. */
  readonly refusals: string[] = [];
  registrations = 0;

  private constructor(
    readonly issuer: string,
    readonly provider: Provider,
  ) {
    provider.on('grant.success', ({ oidc }) => this.grants.push(String(oidc.params?.['grant_type'])));
    provider.on('grant.error', ({ oidc }, { error }) => {
      this.refusals.push(`${String(oidc.params?.['grant_type'])}: ${error}`);
    });
    provider.on('registration_create.success', () => (this.registrations += 1));
  }

  /** @param accessTokenTtl in seconds */
  static async start({ accessTokenTtl = 3_600 } = {}): Promise<AuthorizationServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = await makeProvider(issuer, accessTokenTtl);
    const handle = provider.callback();
    server.on('request', (request, response) => {
      if (!request.url?.startsWith('/interaction/')) return void handle(request, response);
      // The user logs in.
      void provider.interactionFinished(request, response, { login: { accountId: 'alice' } });
    });
    cleanUpLater(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return new AuthorizationServer(issuer, provider);
  }

  /** Whose access token it is; `undefined` if it is none, or no longer. */
  async userOf(accessToken: string): Promise<string | undefined> {
    return (await this.provider.AccessToken.find(accessToken))?.accountId;
  }

  async revokeAccessToken(accessToken: string): Promise<void> {
    await (await this.provider.AccessToken.find(accessToken))?.destroy();
  }

  /** Makes the refresh token, and all that came from the same grant, worthless. */
  async revokeGrant(refreshToken: string): Promise<void> {
    const token = await this.provider.RefreshToken.find(refreshToken);
    await this.provider.Grant.adapter.destroy(token!.grantId!);
    await token!.destroy();
  }

  /** What a browser does with the URL: follows redirects, with cookies, until it is sent to the application. */
  async authorize(authorizationUrl: string | URL, callbackUrl: string): Promise<URLSearchParams> {
    const cookies = new Map<string, string>();
    let url = new URL(authorizationUrl);
    for (let hops = 0; hops < 10; hops += 1) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
        cookies.set(name!, value!);
      }
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${response.status}: ${await response.text()}`);
      url = new URL(location, url);
      if (url.href.startsWith(callbackUrl)) return url.searchParams;
    }
    throw new Error(`The authorization server redirects for ever, to ${url.href}`);
  }
}

/** Makes the provider, without its warnings that it is made for a test only. */
async function makeProvider(issuer: string, accessTokenTtl: number): Promise<Provider> {
  const warnings = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  try {
    const { interactionPolicy, Provider } = await import('oidc-provider');
    const policy = interactionPolicy.base();
    policy.remove('consent');
    return new Provider(issuer, configuration(accessTokenTtl, policy));
  } finally {
    warnings.mockRestore();
  }
}

function configuration(accessTokenTtl: number, policy: object): Configuration {
  return {
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'] },
    cookies: { keys: ['test'] },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'mcp',
          accessTokenFormat: 'opaque',
          accessTokenTTL: accessTokenTtl,
        }),
      },
    },
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { policy, url: (_context, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    // She has granted everything before: nobody asks for her consent.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        accountId: oidc.session!.accountId!,
        clientId: oidc.client!.clientId,
      });
      grant.addOIDCScope('openid');
      for (const resource of [oidc.params?.['resource']].flat())
        grant.addResourceScope(String(resource), 'mcp');
      await grant.save();
      return grant;
    },
    // Who uses a refresh token twice loses the grant.
    rotateRefreshToken: true,
    scopes: ['openid', 'mcp'],
    ttl: {
      AccessToken: accessTokenTtl,
      RefreshToken: 86_400,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 60,
    },
  };
}
