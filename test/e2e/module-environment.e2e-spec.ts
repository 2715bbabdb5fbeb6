import { describe, expect, it } from '@jest/globals';
import { ConfigModule, ConfigService } from '@nestjs/config';
import {
  getSessionStoreToken,
  InMemorySessionStore,
  McpSessionsModule,
  SESSION_STORE,
  type McpSessionsOptions,
} from 'nestjs-mcp-sessions';
import { eventually } from '../support/eventually.js';
import { initializeRequest, RawClient } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startWith } from '../support/start-app.js';

const memory = { store: 'memory', stream: 'memory' } as const;

describe('configured by the environment', () => {
  const started = (environment: Record<string, string>, options: McpSessionsOptions = {}, name?: string) =>
    startWith([
      ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [() => environment] }),
      ...(name === undefined ? [] : [McpSessionsModule.forRoot(memory)]),
      McpSessionsModule.forRoot({
        server: createScenario('v2').factory,
        name,
        path: name ?? '/mcp',
        ...options,
      }),
    ]);

  it('takes what the application leaves open', async () => {
    const { app, url, status } = await started({
      MCP_SESSIONS_STORE: 'memory',
      MCP_SESSIONS_STREAM: 'memory',
      MCP_SESSIONS_ALLOWED_ORIGINS: 'https://app.example.com, https://other.example.com',
      MCP_SESSIONS_IDLE_TIMEOUT_MS: '100',
      MCP_SESSIONS_CLEANUP_INTERVAL_MS: '20',
    });
    expect(app.get(ConfigService).get('MCP_SESSIONS_STORE')).toBe('memory');
    expect(app.get(SESSION_STORE)).toBeInstanceOf(InMemorySessionStore);
    const from = (origin: string) => new RawClient(url).post(initializeRequest(), { origin });
    expect((await from('https://other.example.com')).status).toBe(200);
    expect((await from('https://evil.example.com')).status).toBe(403);
    await eventually('the expiry', () => status().sessions === 0);
  });

  it('gives way to what the application says', async () => {
    const { url } = await started(
      { MCP_SESSIONS_STORE: 'file', MCP_SESSIONS_ALLOWED_ORIGINS: 'https://app.example.com' },
      { store: 'memory', allowedOrigins: [] },
    );
    const response = await new RawClient(url).post(initializeRequest(), {
      origin: 'https://app.example.com',
    });
    expect(response.status).toBe(403);
  });

  it('has variables of its own for a named registration', async () => {
    const environment = {
      MCP_SESSIONS_MY_NOTES_STORE: 'memory',
      MCP_SESSIONS_MY_NOTES_ALLOWED_ORIGINS: 'https://notes.example.com',
      MCP_SESSIONS_ALLOWED_ORIGINS: 'https://app.example.com',
    };
    const { app, origin } = await started(environment, {}, 'my-notes');
    expect(app.get(getSessionStoreToken('my-notes'))).toBeInstanceOf(InMemorySessionStore);
    const from = (page: string) =>
      new RawClient(`${origin}/my-notes`).post(initializeRequest(), { origin: page });
    expect((await from('https://notes.example.com')).status).toBe(200);
    expect((await from('https://app.example.com')).status).toBe(403);
  });

  it.each([
    [{ MCP_SESSIONS_STORE: 'disk' }, 'MCP_SESSIONS_STORE must be "memory", "file" or "redis"; it is "disk".'],
    [
      { MCP_SESSIONS_IDLE_TIMEOUT_MS: '1h' },
      'MCP_SESSIONS_IDLE_TIMEOUT_MS must be a whole number of milliseconds from 1 up; it is "1h".',
    ],
    [
      { MCP_SESSIONS_CLEANUP_INTERVAL_MS: '0' },
      'MCP_SESSIONS_CLEANUP_INTERVAL_MS must be a whole number of milliseconds from 1 up; it is "0".',
    ],
    [
      { MCP_SESSIONS_STORE: 'memory', MCP_SESSIONS_FILE: '/x' },
      'MCP_SESSIONS_FILE is set, but MCP_SESSIONS_STORE is "memory": remove one, or set MCP_SESSIONS_STORE to "file".',
    ],
    [
      { MCP_SESSIONS_STORE: 'memory', MCP_SESSIONS_ALLOWED_ORIGINS: 'app.example.com' },
      'MCP_SESSIONS_ALLOWED_ORIGINS: "app.example.com" is not an origin such as https://app.example.com.',
    ],
    [
      { MCP_SESSIONS_STORE: 'memory', MCP_SESSIONS_ALLOWED_HOSTS: 'ok.example.com, foo:80' },
      'options. MCP_SESSIONS_ALLOWED_HOSTS: "foo:80" is not a host name without port.',
    ],
    [
      { MCP_SESSIONS_STORE: 'memory', MCP_SESSIONS_CLEANUP_INTERVAL_MS: '2147483648' },
      /MCP_SESSIONS_CLEANUP_INTERVAL_MS: .*2147483647/,
    ],
  ])('does not start with %j', async (environment, message) => {
    await expect(started(environment as Record<string, string>)).rejects.toThrow(message);
  });

  it('says of a named registration’s variable, and of an option, which one is wrong', async () => {
    const environment = { MCP_SESSIONS_MY_NOTES_ALLOWED_HOSTS: 'foo:80' };
    await expect(started(environment, memory, 'my-notes')).rejects.toThrow(
      /options\. MCP_SESSIONS_MY_NOTES_ALLOWED_HOSTS: /,
    );
    const options = { ...memory, allowedHosts: ['bar:80'] };
    await expect(started(environment, options, 'my-notes')).rejects.toThrow(
      'options. allowedHosts.0: "bar:80" is',
    );
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ idleTimeoutMs: -1 }, /idleTimeoutMs/],
    [{ responseMode: 'xml' }, /responseMode/],
    [{ limits: { sessions: 0 } }, /limits\.sessions/],
    [{ store: {} }, /store/],
    [{ store: { get: () => null } }, /store/],
    [{ allowedHosts: ['example.com:80'] }, /allowedHosts/],
    [{ unheardOf: true }, /unheardOf/],
  ])('does not start with the options %j', async (options, message) => {
    await expect(
      startWith([McpSessionsModule.forRoot({ ...memory, ...options } as McpSessionsOptions)]),
    ).rejects.toThrow(message);
  });
});
