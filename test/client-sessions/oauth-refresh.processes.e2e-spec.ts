import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/redis-storage-backend.js';
import { cleanUpLater } from '../support/clean-up.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { CompiledSources } from './support/compiled-sources.js';
import { MCP_CLIENTS } from './support/mcp-clients.js';
import { OAuthFlow } from './support/oauth-flow.js';

/** Reads the tokens of a session whose access token has just expired, by its clock, whenever it is told to. */
const INSTANCE = `
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { RedisStorageBackend } from './client-sessions/redis-storage-backend.js';
import { sessionOAuthProvider } from './client-sessions/session-oauth-provider.js';
const client = new Redis(process.argv[2]);
const sessions = new RedisStorageBackend(client);
const provider = await sessionOAuthProvider(sessions, 'user', 'session', { now: () => Date.now() + 3_600_000 });
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const tokens = await provider.tokens();
  console.log(tokens.access_token);
}
`;

/** A client of an SDK, which asks the server who its user is whenever it is told to. */
const CLIENT = `
import { createInterface } from 'node:readline';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Redis } from 'ioredis';
import { RedisStorageBackend } from './client-sessions/redis-storage-backend.js';
import { sessionOAuthProvider } from './client-sessions/session-oauth-provider.js';
const sessions = new RedisStorageBackend(new Redis(process.argv[2]));
const authProvider = await sessionOAuthProvider(sessions, 'user', 'session');
const client = new Client({ name: 'client', version: '1.0.0' });
const options = { authProvider, fetch: authProvider.fetch };
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[3]), options));
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const { content } = await client.callTool({ name: 'whoami', arguments: {} });
  console.log(content[0].text);
}
`;

describe('sessionOAuthProvider in many processes', () => {
  let server: RedisServer;
  let sources: CompiledSources;

  beforeAll(async () => {
    server = await RedisServer.start();
    sources = await CompiledSources.of('common', 'redis', 'client-sessions');
  });

  afterAll(async () => {
    await server.dispose();
    await sources.dispose();
  });

  it('refreshes a token once', async () => {
    const client = new Redis(server.url);
    cleanUpLater(() => client.disconnect());
    const flow = await OAuthFlow.start(new RedisStorageBackend(client), Object.values(MCP_CLIENTS)[0]!);
    await flow.authorize();
    const before = await flow.tokens();
    const processes = await Promise.all([1, 2, 3].map(() => sources.run(INSTANCE, server.url)));
    for (const instance of processes) cleanUpLater(() => instance.kill());
    for (const instance of processes) expect(await instance.line()).toBe('ready');
    for (const instance of processes) instance.tell('read');
    const tokens = await Promise.all(processes.map((instance) => instance.line()));
    const { access_token } = await flow.tokens();
    expect(access_token).not.toBe(before.access_token);
    expect(tokens).toEqual([access_token, access_token, access_token]);
    expect(flow.authorizationServer.grants).toEqual(['authorization_code', 'refresh_token']);
    expect(flow.authorizationServer.refusals).toEqual([]);
  });

  it('refreshes a token once that is rejected, with the fetch of the provider', async () => {
    const client = new Redis(server.url);
    cleanUpLater(() => client.disconnect());
    await client.flushall();
    const flow = await OAuthFlow.start(new RedisStorageBackend(client), Object.values(MCP_CLIENTS)[0]!);
    await flow.login();
    const processes = await Promise.all([1, 2, 3].map(() => sources.run(CLIENT, server.url, flow.url)));
    for (const instance of processes) cleanUpLater(() => instance.kill());
    for (const instance of processes) expect(await instance.line()).toBe('ready');
    const { access_token } = await flow.tokens();
    await flow.authorizationServer.revokeAccessToken(access_token);
    for (const instance of processes) instance.tell('ask');
    const users = await Promise.all(processes.map((instance) => instance.line()));
    expect(users).toEqual(['alice', 'alice', 'alice']);
    expect((await flow.tokens()).access_token).not.toBe(access_token);
    expect(flow.authorizationServer.grants).toEqual(['authorization_code', 'refresh_token']);
    expect(flow.authorizationServer.refusals).toEqual([]);
  });
});
