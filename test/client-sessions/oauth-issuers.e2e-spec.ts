import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/memory-storage-backend.js';
import { MCP_CLIENTS } from './support/mcp-clients.js';
import { OAuthFlow } from './support/oauth-flow.js';
import { ScriptedAuthorizationServer } from './support/scripted-authorization-server.js';

const HOUR_MS = 3_600_000;

const REFUSED = { code: 'OAUTH_CALLBACK_REFUSED' };
const CLIENTS = Object.entries(MCP_CLIENTS);

let sessions: MemoryStorageBackend;
let honest: ScriptedAuthorizationServer;

beforeEach(async () => {
  sessions = new MemoryStorageBackend();
  honest = await ScriptedAuthorizationServer.start();
});

/** Has the session, authorized at the honest server, find another one there. */
async function moveTo(
  other: ScriptedAuthorizationServer,
  flow: OAuthFlow<ScriptedAuthorizationServer>,
): Promise<void> {
  flow.authorizationServer = other;
  await (await flow.provider()).invalidateCredentials('discovery');
  await expect(flow.connected()).rejects.toThrow('Unauthorized');
  expect((await flow.tokens()).issuer).toMatch(honest.issuer);
  expect((await flow.session()).discoveryState).toMatchObject({ authorizationServerUrl: other.issuer });
}

describe.each(CLIENTS)('issuers and sessionOAuthProvider with %s', (_name, makeClient) => {
  let flow: OAuthFlow<ScriptedAuthorizationServer>;

  beforeEach(async () => {
    flow = await OAuthFlow.with(honest, sessions, makeClient);
  });

  it('sends no refresh token to an authorization server that has taken the place of another', async () => {
    await flow.login();
    const { clientInformation } = await flow.session();
    const other = await ScriptedAuthorizationServer.start();
    await moveTo(other, flow);
    const now = () => Date.now() + HOUR_MS;
    await expect(flow.connected({ now })).rejects.toThrow('Unauthorized');
    expect([...other.refreshes, ...honest.refreshes]).toEqual([]);
    // Nor a client's credentials, if the tokens are its own.
    await sessions.update('user', 'session', {
      clientInformation,
      tokens: { ...(await flow.tokens()), issuer: other.issuer },
    });
    expect(await (await flow.provider({ now })).tokens()).toHaveProperty('refresh_token');
    expect([...other.refreshes, ...honest.refreshes]).toEqual([]);
  });

  it('puts no refresh token of another authorization server into a request of the SDK', async () => {
    await flow.login();
    const provider = await flow.provider();
    const params = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'old' });
    const added = provider.addClientAuthentication(new Headers(), params, 'https://other.example.com/token');
    await expect(added).rejects.toMatchObject({ code: 'OAUTH_REFRESH_FAILED' });
    expect(Object.fromEntries(params)).toEqual({ grant_type: 'refresh_token', refresh_token: 'old' });
  });

  it('takes the callback of a server without metadata from nobody else', async () => {
    honest.metadata = null;
    const params = await flow.callback();
    const provider = await flow.provider();
    const forged = new URLSearchParams({ ...Object.fromEntries(params), iss: 'https://other.example.com' });
    await expect(provider.acceptCallback(forged)).rejects.toMatchObject(REFUSED);
    const client = await flow.client();
    await client.finishAuth(params);
    await client.connect();
    expect(await client.whoami()).toBe('alice');
  });
});

describe('an authorization server that names another as its issuer, which v1 believes', () => {
  const [, makeClient] = CLIENTS[0]!;

  it('does not get the code of the other', async () => {
    const evil = await ScriptedAuthorizationServer.start();
    evil.metadata = { issuer: honest.issuer, authorization_endpoint: `${honest.issuer}/authorize` };
    const flow = await OAuthFlow.with(evil, sessions, makeClient);
    const client = await flow.client();
    await expect(client.connect()).rejects.toThrow('Unauthorized');
    const params = await honest.authorize((await flow.session()).authUrl!);
    await expect(client.finishAuth(params)).rejects.toMatchObject(REFUSED);
    expect(evil.requests).toEqual([]);
  });

  it('does not get the refresh token of the other', async () => {
    const flow = await OAuthFlow.with(honest, sessions, makeClient);
    await flow.login();
    const evil = await ScriptedAuthorizationServer.start();
    evil.metadata = { issuer: honest.issuer };
    await moveTo(evil, flow);
    const now = () => Date.now() + HOUR_MS;
    await expect(flow.connected({ now })).rejects.toThrow('Unauthorized');
    expect(evil.refreshes).toEqual([]);
  });
});
