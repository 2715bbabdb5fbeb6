import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/memory-storage-backend.js';
import { SessionsUnavailableError } from '../../libs/mcp-sessions/src/client-sessions/sessions.errors.js';
import { MCP_CLIENTS } from './support/mcp-clients.js';
import { OAuthFlow } from './support/oauth-flow.js';
import { ScriptedAuthorizationServer } from './support/scripted-authorization-server.js';

const FAILED = { code: 'OAUTH_REFRESH_FAILED' };
const HOUR_MS = 3_600_000;
const later = { now: () => Date.now() + HOUR_MS };

describe.each(Object.entries(MCP_CLIENTS))('refreshing with %s', (_name, makeClient) => {
  let server: ScriptedAuthorizationServer;
  let flow: OAuthFlow<ScriptedAuthorizationServer>;
  let sessions: MemoryStorageBackend;

  beforeEach(async () => {
    server = await ScriptedAuthorizationServer.start();
    sessions = new MemoryStorageBackend({ lockWaitMs: 100 });
    flow = await OAuthFlow.with(server, sessions, makeClient);
    await flow.login();
  });

  it.each([true, false])(
    'registers anew where a refresh says that the client is unknown, interactive: %s',
    async (interactive) => {
      server.clients.clear();
      server.accessTokens.clear();
      await expect(flow.connected({ ...later, interactive })).rejects.toThrow(/authorize/i);
      expect(server.refreshes).toHaveLength(1);
      expect(await (await flow.authorize()).whoami()).toBe('alice');
      const { clientId } = await flow.session();
      expect([...server.clients]).toEqual([clientId]);
    },
  );

  it('registers anew where several instances are told at once that the client is unknown', async () => {
    const clients = [await flow.client(), await flow.client(), await flow.client()];
    server.clients.clear();
    server.accessTokens.clear();
    await Promise.allSettled(clients.map((client) => client.connect()));
    expect(await (await flow.authorize()).whoami()).toBe('alice');
    expect(server.refreshes).toHaveLength(1);
  });

  it('stays registered where a refresh says that the token is revoked', async () => {
    const { clientId } = await flow.session();
    server.refreshTokens.clear();
    expect(await (await flow.provider(later)).tokens()).toBeUndefined();
    const session = await flow.session();
    expect(session).toMatchObject({ clientId, clientInformation: { client_id: clientId } });
    expect(session).not.toHaveProperty('tokens');
  });

  it.each([
    ['answers 500', { status: 500, body: { error: 'server_error' } }],
    ['answers no OAuth', { status: 502, body: {} }],
    ['drops the connection', 'drop' as const],
  ])('keeps the connection where a token is rejected and the server %s', async (_what, answer) => {
    const before = await flow.session();
    server.accessTokens.clear();
    server.answer = () => answer;
    await expect(flow.connected()).rejects.toMatchObject(FAILED);
    await expect(flow.connected({ interactive: false })).rejects.toMatchObject(FAILED);
    const { updatedAt: _updatedAt, ...after } = await flow.session();
    expect(before).toMatchObject(after);
    server.answer = () => undefined;
    expect(await (await flow.connected()).whoami()).toBe('alice');
  });

  it('keeps the connection where a token is rejected and another holds the lock', async () => {
    server.accessTokens.clear();
    const client = await flow.client();
    await sessions.withLock('user', 'session', async () => {
      const cause = expect.objectContaining({ code: 'SESSION_LOCKED' });
      await expect(client.connect()).rejects.toMatchObject({ ...FAILED, cause });
    });
    expect((await flow.session()).status).toBe('active');
    expect(server.refreshes).toEqual([]);
    await client.connect();
    expect(await client.whoami()).toBe('alice');
  });

  it('keeps the connection where a token is rejected and the storage is away', async () => {
    server.accessTokens.clear();
    const withLock = jest.spyOn(sessions, 'withLock');
    const cause = new SessionsUnavailableError('away');
    withLock.mockRejectedValueOnce(cause);
    const client = await flow.client();
    await expect(client.connect()).rejects.toMatchObject({ ...FAILED, cause });
    withLock.mockRestore();
    expect((await flow.session()).status).toBe('active');
    await client.connect();
    expect(await client.whoami()).toBe('alice');
  });

  it('asks the user after an outage if the refresh token is refused then', async () => {
    server.accessTokens.clear();
    server.answer = () => ({ status: 500, body: {} });
    const client = await flow.client();
    await expect(client.connect()).rejects.toMatchObject(FAILED);
    server.answer = () => undefined;
    server.refreshTokens.clear();
    await expect(client.connect()).rejects.toThrow('Unauthorized');
    expect(await flow.session()).toMatchObject({ status: 'pending', authUrl: expect.any(String) });
  });

  it('keeps the tokens that the SDK has got where the storage is away for a moment', async () => {
    server.accessTokens.clear();
    const client = await flow.client();
    failUpdates(sessions, 2);
    await client.connect();
    expect(await client.whoami()).toBe('alice');
    expect(server.refreshes).toHaveLength(1);
    expect([...server.refreshTokens]).toEqual([(await flow.tokens()).refresh_token]);
  });
});

const WITH_FETCH = Object.entries(MCP_CLIENTS).filter(([name]) => name.endsWith('its fetch'));

describe.each(WITH_FETCH)('refreshing with %s', (_name, makeClient) => {
  let server: ScriptedAuthorizationServer;
  let flow: OAuthFlow<ScriptedAuthorizationServer>;
  let sessions: MemoryStorageBackend;

  beforeEach(async () => {
    server = await ScriptedAuthorizationServer.start();
    server.expiresIn = undefined;
    sessions = new MemoryStorageBackend();
    flow = await OAuthFlow.with(server, sessions, makeClient);
    await flow.login();
  });

  it.each([true, false])(
    'refreshes a token once that many instances find rejected, the server rotates: %s',
    async (rotates) => {
      server.rotates = rotates;
      const clients = [await flow.connected(), await flow.connected(), await flow.connected()];
      for (const times of [1, 2]) {
        server.accessTokens.clear();
        const users = await Promise.all(clients.map((client) => client.whoami()));
        expect(users).toEqual(['alice', 'alice', 'alice']);
        expect(server.refreshes).toHaveLength(times);
      }
      // Somebody who finds out later.
      expect(await (await flow.connected()).whoami()).toBe('alice');
      expect(server.refreshes).toHaveLength(2);
      expect([...server.refreshTokens]).toEqual([(await flow.tokens()).refresh_token]);
    },
  );

  it('refreshes a token again that is rejected although another instance has just got it', async () => {
    const client = await flow.connected();
    server.accessTokens.clear();
    await (await flow.connected()).whoami();
    expect(await client.whoami()).toBe('alice');
    expect(server.refreshes).toHaveLength(1);
    server.accessTokens.clear();
    expect(await client.whoami()).toBe('alice');
    expect(server.refreshes).toHaveLength(2);
  });

  it('says why a refresh has failed', async () => {
    server.accessTokens.clear();
    server.answer = () => ({ status: 500, body: { error: 'server_error' } });
    const cause = expect.objectContaining({ message: expect.stringContaining('500') });
    await expect(flow.connected()).rejects.toMatchObject({ ...FAILED, cause });
    server.answer = () => 'drop';
    const dropped = expect.objectContaining({ message: 'fetch failed' });
    await expect(flow.connected()).rejects.toMatchObject({ ...FAILED, cause: dropped });
  });

  it('keeps nobody waiting for a refresh that has failed', async () => {
    server.accessTokens.clear();
    server.answer = () => ({ status: 503, body: { error: 'temporarily_unavailable' } });
    let isOver = false;
    // The SDK lets its caller know, and its provider nothing.
    await expect(flow.connected()).rejects.not.toMatchObject(FAILED);
    await Promise.race([
      sessions.withLock('user', 'session', async () => {
        isOver = true;
      }),
      new Promise(setImmediate),
    ]);
    expect(isOver).toBe(true);
    expect((await flow.session()).status).toBe('active');
    server.answer = () => undefined;
    expect(await (await flow.connected()).whoami()).toBe('alice');
  });
});

describe('fresh tokens where the storage is away', () => {
  let server: ScriptedAuthorizationServer;
  let flow: OAuthFlow<ScriptedAuthorizationServer>;
  let sessions: MemoryStorageBackend;

  beforeEach(async () => {
    server = await ScriptedAuthorizationServer.start();
    sessions = new MemoryStorageBackend();
    flow = await OAuthFlow.with(server, sessions, Object.values(MCP_CLIENTS)[0]!);
    await flow.login();
  });

  it('are stored as soon as it is back', async () => {
    failUpdates(sessions, 2);
    const tokens = await (await flow.provider(later)).tokens();
    expect(server.refreshes).toHaveLength(1);
    expect(await flow.tokens()).toMatchObject({ refresh_token: tokens?.refresh_token });
    expect([...server.refreshTokens]).toEqual([tokens?.refresh_token]);
  });

  it('are used by who has got them, and stored when it is back after long', async () => {
    const before = await flow.tokens();
    const end = failUpdates(sessions, Infinity);
    const provider = await flow.provider(later);
    const tokens = await provider.tokens();
    expect([...server.refreshTokens]).toEqual([tokens?.refresh_token]);
    expect((await provider.tokens())?.refresh_token).toBe(tokens?.refresh_token);
    expect(await flow.tokens()).toEqual(before);
    end();
    expect((await provider.tokens())?.refresh_token).toBe(tokens?.refresh_token);
    expect((await flow.tokens()).refresh_token).toBe(tokens?.refresh_token);
    expect(server.refreshes).toHaveLength(1);
  });

  it('are given up when another instance has replaced them', async () => {
    const end = failUpdates(sessions, Infinity);
    const provider = await flow.provider(later);
    await provider.tokens();
    end();
    const tokens = { access_token: 'other', token_type: 'Bearer', refresh_token: 'other' };
    await sessions.update('user', 'session', { tokens });
    expect(await provider.tokens()).toEqual(tokens);
    expect(await flow.tokens()).toEqual(tokens);
  });
});

/** Has the next updates fail. @returns ends that */
function failUpdates(sessions: MemoryStorageBackend, times: number): () => void {
  const update = sessions.update.bind(sessions);
  const spy = jest.spyOn(sessions, 'update').mockImplementation(async (...args) => {
    times -= 1;
    if (times >= 0) throw new SessionsUnavailableError('away');
    return update(...args);
  });
  return () => spy.mockRestore();
}
