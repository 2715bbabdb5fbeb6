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
});
