import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/memory-storage-backend.js';
import { sessionIdOfState } from '../../libs/mcp-sessions/src/client-sessions/oauth-callback.js';
import { MCP_CLIENTS } from './support/mcp-clients.js';
import { OAuthFlow } from './support/oauth-flow.js';

const HOUR_MS = 3_600_000;
const REFUSED = { code: 'OAUTH_CALLBACK_REFUSED' };

describe.each(Object.entries(MCP_CLIENTS))('sessionOAuthProvider with %s', (name, makeClient) => {
  let flow: OAuthFlow;

  beforeEach(async () => {
    flow = await OAuthFlow.start(new MemoryStorageBackend(), makeClient);
  });

  it('takes a session from pending to active', async () => {
    expect((await flow.session()).status).toBe('pending');
    const client = await flow.authorize();
    expect(await client.whoami()).toBe('alice');
    const session = await flow.session();
    const clientInformation = session.clientInformation as { client_id: string; issuer: string };
    expect(session).toMatchObject({ status: 'active', clientId: clientInformation.client_id });
    expect(clientInformation.issuer).toMatch(flow.authorizationServer.issuer);
    expect((await flow.tokens()).issuer).toMatch(flow.authorizationServer.issuer);
    for (const left of ['authUrl', 'codeVerifier', 'oauthState', 'expiresAt']) {
      expect(session).not.toHaveProperty(left);
    }
    // Everything is in the session: another instance registers nothing and asks nobody.
    expect(await (await flow.connected()).whoami()).toBe('alice');
    expect(flow.authorizationServer.registrations).toBe(1);
    expect(flow.authorizationServer.grants).toEqual(['authorization_code']);
  });

  it('has one of many instances refresh a token that expires, while the others wait', async () => {
    await flow.authorize();
    let time = Date.now();
    const options = { now: () => time };
    const clients = [
      await flow.connected(options),
      await flow.connected(options),
      await flow.connected(options),
    ];
    const before = await flow.tokens();
    time += HOUR_MS;
    const users = await Promise.all([...clients, ...clients].map((client) => client.whoami()));
    expect(users).toEqual(Array(6).fill('alice'));
    expect(flow.authorizationServer.grants).toEqual(['authorization_code', 'refresh_token']);
    expect(flow.authorizationServer.refusals).toEqual([]);
    expect((await flow.tokens()).refresh_token).not.toBe(before.refresh_token);
  });

  it('uses no refresh token twice when the access token of many instances is rejected', async () => {
    await flow.authorize();
    const clients = [await flow.connected(), await flow.connected(), await flow.connected()];
    await flow.authorizationServer.revokeAccessToken((await flow.tokens()).access_token);
    // One request each: the v1 transport cannot cope with two that are rejected at once.
    const users = await Promise.all(clients.map((client) => client.whoami()));
    expect(users).toEqual(['alice', 'alice', 'alice']);
    // This authorization server takes the whole grant back from who uses one twice.
    expect(flow.authorizationServer.refusals).toEqual([]);
    if (name.endsWith('its fetch')) {
      expect(flow.authorizationServer.grants).toEqual(['authorization_code', 'refresh_token']);
    }
    expect((await flow.session()).status).toBe('active');
  });

  it('asks the user again when the refresh token is revoked, and then goes on', async () => {
    await flow.authorize();
    const rejected = await flow.connected();
    const expired = await flow.connected({ now: () => Date.now() + HOUR_MS });
    await flow.revokeEverything();
    await expect(rejected.whoami()).rejects.toThrow('Unauthorized');
    await expect(expired.whoami()).rejects.toThrow('Unauthorized');
    const session = await flow.session();
    expect(session.status).toBe('pending');
    expect(session.authUrl).toContain('code_challenge=');
    expect(session).not.toHaveProperty('tokens');
    expect(await (await flow.authorize()).whoami()).toBe('alice');
    expect(await rejected.whoami()).toBe('alice');
    expect(flow.authorizationServer.registrations).toBe(1);
  });

  it('leaves the session active where no user is there to authorize', async () => {
    await flow.authorize();
    const client = await flow.connected({ interactive: false });
    await flow.revokeEverything();
    await expect(client.whoami()).rejects.toMatchObject({ code: 'AUTHORIZATION_REQUIRED' });
    const session = await flow.session();
    expect(session.status).toBe('active');
    expect(session).not.toHaveProperty('authUrl');
  });

  it('calls an authorization server that is away an outage, and keeps what it has', async () => {
    await flow.authorize();
    let time = Date.now();
    const away = () => Promise.reject(new TypeError('fetch failed'));
    const provider = await flow.provider({ now: () => time, fetch: away });
    const before = await flow.tokens();
    time += HOUR_MS - 20_000; // due, but not expired
    expect((await provider.tokens())?.access_token).toBe(before.access_token);
    time += 20_000;
    await expect(provider.tokens()).rejects.toMatchObject({ code: 'OAUTH_REFRESH_FAILED' });
    expect(await flow.tokens()).toEqual(before);
    expect((await flow.session()).status).toBe('active');
  });

  it('refuses callbacks that do not answer its question, and takes one', async () => {
    const params = await flow.callback();
    expect(sessionIdOfState(params.get('state')!)).toBe('session');
    const provider = await flow.provider();
    const accept = (changes: Record<string, string> = {}, ...removed: string[]) => {
      const changed = new URLSearchParams({ ...Object.fromEntries(params), ...changes });
      for (const name of removed) changed.delete(name);
      return provider.acceptCallback(changed);
    };
    await expect(accept({ state: 'another' })).rejects.toMatchObject(REFUSED);
    await expect(accept({}, 'state')).rejects.toMatchObject(REFUSED);
    await expect(accept({ iss: 'https://attacker.example.com' })).rejects.toMatchObject(REFUSED);
    await expect(accept({}, 'iss')).rejects.toMatchObject(REFUSED);
    const denied = { ...REFUSED, error: 'access_denied' };
    await expect(accept({ error: 'access_denied' }, 'code')).rejects.toMatchObject(denied);
    // Nobody can exchange a code without having shown the state.
    await expect(provider.codeVerifier()).rejects.toMatchObject(REFUSED);
    const outcomes = await Promise.allSettled([accept(), accept()]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await provider.codeVerifier()).toMatch(/^[\w~.-]{43,}$/);
  });

  it('shows nobody the credentials of another authorization server', async () => {
    await flow.authorize();
    const provider = await flow.provider();
    const issuer = 'https://other.example.com';
    expect(await provider.tokens({ issuer })).toBeUndefined();
    expect(await provider.clientInformation({ issuer })).toBeUndefined();
    const own = { issuer: flow.authorizationServer.issuer };
    expect(await provider.tokens(own)).toMatchObject({ token_type: 'Bearer' });
    expect(await provider.clientInformation(own)).toHaveProperty('client_id');
  });
});
