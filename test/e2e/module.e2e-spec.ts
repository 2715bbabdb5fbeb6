import { describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module, UseGuards, VersioningType } from '@nestjs/common';
import type {
  ArgumentsHost,
  CallHandler,
  CanActivate,
  ExceptionFilter,
  ExecutionContext,
  NestInterceptor,
} from '@nestjs/common';
import { Catch, HttpException, UnauthorizedException } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import type { Request, Response } from 'express';
import {
  getMcpSessionsHealthToken,
  getMcpSessionsToken,
  getSessionStoreToken,
  InjectMcpSessions,
  InjectMcpSessionsHealth,
  InjectSessionStore,
  InjectStreamManager,
  InMemorySessionStore,
  InMemoryStreamManager,
  McpSessions,
  McpSessionsHealth,
  McpSessionsModule,
  SESSION_STORE,
  STREAM_MANAGER,
  type McpSessionsOptions,
  type McpSessionsOptionsFactory,
  type SessionStore,
  type StreamManager,
} from 'nestjs-mcp-sessions';
import { timeout } from 'rxjs';
import { eventually } from '../support/eventually.js';
import { callRequest, initializeRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp, startWith } from '../support/start-app.js';
import { connectClient } from '../support/test-client.js';

const memory = { store: 'memory', stream: 'memory' } as const;
const echo = callRequest(1, 'echo', { text: 'x' });
const statusOf = async (url: string, method = 'POST') => (await fetch(url, { method })).status;

describe('without a server', () => {
  it('the module gives its stores and streams, and mounts no endpoint', async () => {
    @Injectable()
    class Consumer {
      constructor(
        @InjectSessionStore() readonly store: SessionStore,
        @InjectStreamManager() readonly streams: StreamManager,
        @Inject(McpSessions) readonly sessions: McpSessions,
      ) {}
    }
    const { app, url } = await startWith([McpSessionsModule.forRoot(memory)], {
      metadata: { providers: [Consumer] },
    });
    const consumer = app.get(Consumer);
    expect(consumer.store).toBeInstanceOf(InMemorySessionStore);
    expect(consumer.streams).toBeInstanceOf(InMemoryStreamManager);
    expect(app.get(SESSION_STORE)).toBe(consumer.store);
    expect(app.get(STREAM_MANAGER)).toBe(consumer.streams);
    await consumer.store.set('one', { lastAccessedAt: Date.now() });
    expect(await consumer.sessions.get('one')).toMatchObject({ lastAccessedAt: expect.any(Number) });
    for (const path of ['', '/sse', '/messages']) {
      for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'HEAD'])
        expect(await statusOf(url + path, method)).toBe(404);
    }
  });

  it('made by a factory, it answers as if nothing were mounted', async () => {
    const { url } = await startWith([McpSessionsModule.forRootAsync({ useFactory: () => memory })]);
    for (const path of ['', '/sse', '/messages']) {
      for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'HEAD']) {
        expect([path, method, await statusOf(url + path, method)]).toEqual([path, method, 404]);
      }
    }
  });
});

describe('registered twice', () => {
  it('under two names and paths, the registrations share nothing', async () => {
    const [notes, plain] = [createScenario('v2'), createScenario('v1')];
    @Injectable()
    class Consumer {
      constructor(
        @InjectMcpSessions('notes') readonly notes: McpSessions,
        @InjectMcpSessions() readonly plain: McpSessions,
        @InjectMcpSessionsHealth('notes') readonly notesHealth: McpSessionsHealth,
        @InjectMcpSessionsHealth() readonly plainHealth: McpSessionsHealth,
      ) {}
    }
    const { app, origin } = await startWith(
      [
        McpSessionsModule.forRoot({ ...memory, server: plain.factory }),
        McpSessionsModule.forRoot({
          ...memory,
          name: 'notes',
          path: '/notes',
          server: notes.factory,
          maxBodyBytes: 500,
        }),
      ],
      { metadata: { providers: [Consumer] } },
    );
    const consumer = app.get(Consumer);
    expect(app.get(getMcpSessionsToken('notes'))).toBe(consumer.notes);
    expect(consumer.notes).not.toBe(consumer.plain);
    expect(app.get(getSessionStoreToken('notes'))).not.toBe(app.get(SESSION_STORE));

    const [one, two] = [await RawClient.open(`${origin}/mcp`), await RawClient.open(`${origin}/notes`)];
    expect(two.sessionId).not.toBe(one.sessionId);
    const wrong = new RawClient(`${origin}/notes`, { 'mcp-session-id': one.sessionId });
    expect(await refusal(wrong.post(echo))).toMatchObject({ status: 404, code: -32001 });
    await RawClient.open(`${origin}/notes`);
    expect(consumer.notesHealth.check('notes')).toMatchObject({ notes: { status: 'up', sessions: 2 } });
    expect(consumer.plainHealth.check('plain')).toMatchObject({ plain: { status: 'up', sessions: 1 } });
    expect(app.get(getMcpSessionsHealthToken('notes'))).toBe(consumer.notesHealth);
    const [listenOne, listenTwo] = [await one.listen(), await two.listen()];
    await consumer.notes.notifyAll({ method: 'notifications/tools/list_changed' });
    await consumer.plain.notifyAll({ method: 'notifications/prompts/list_changed' });
    expect((await listenTwo.nextMessage())!.method).toBe('notifications/tools/list_changed');
    expect((await listenOne.nextMessage())!.method).toBe('notifications/prompts/list_changed');
    const long = callRequest(2, 'echo', { text: 'x'.repeat(1000) });
    expect((await one.ask(long)).result).toBeDefined();
    expect((await two.post(long)).status).toBe(413);
    expect([plain.made, notes.made]).toEqual([1, 2]);
  });
});

describe('made asynchronously', () => {
  const scenario = createScenario('v2');

  @Injectable()
  class Options implements McpSessionsOptionsFactory {
    createMcpSessionsOptions(): McpSessionsOptions {
      return { ...memory, server: scenario.factory };
    }
  }
  @Module({ providers: [Options], exports: [Options] })
  class OptionsModule {}

  it.each([
    [
      'useFactory',
      () =>
        McpSessionsModule.forRootAsync({
          imports: [OptionsModule],
          inject: [Options],
          useFactory: async (options: Options) => options.createMcpSessionsOptions(),
        }),
    ],
    ['useClass', () => McpSessionsModule.forRootAsync({ useClass: Options })],
    ['useExisting', () => McpSessionsModule.forRootAsync({ imports: [OptionsModule], useExisting: Options })],
  ])('with %s', async (_, register) => {
    const { url } = await startWith([register()]);
    const client = await RawClient.open(url);
    expect((await client.ask(echo)).result).toBeDefined();
  });

  it('with a path, a name and decorators', async () => {
    @Injectable()
    class Nobody implements CanActivate {
      canActivate(): boolean {
        return false;
      }
    }
    const { origin } = await startWith([
      McpSessionsModule.forRootAsync({ useClass: Options }),
      McpSessionsModule.forRootAsync({
        path: 'other',
        name: 'other',
        decorators: [UseGuards(Nobody)],
        useClass: Options,
      }),
    ]);
    expect((await new RawClient(`${origin}/other`).post(initializeRequest())).status).toBe(403);
    expect((await new RawClient(`${origin}/mcp`).post(initializeRequest())).status).toBe(200);
  });
});

describe('a guard with dependencies', () => {
  @Injectable()
  class Tokens {
    readonly valid = ['Bearer right'];
  }
  @Module({ providers: [Tokens], exports: [Tokens] })
  class TokensModule {}

  @Injectable()
  class TokenGuard implements CanActivate {
    constructor(@Inject(Tokens) private readonly tokens: Tokens) {}
    canActivate(context: ExecutionContext): boolean {
      const { authorization } = context.switchToHttp().getRequest<Request>().headers;
      return this.tokens.valid.includes(authorization ?? '');
    }
  }
  const extras = { imports: [TokensModule], decorators: [UseGuards(TokenGuard)] };
  const options = { ...memory, server: createScenario('v2').factory };

  it.each([
    ['forRoot', () => McpSessionsModule.forRoot({ ...options, ...extras })],
    ['forRootAsync', () => McpSessionsModule.forRootAsync({ useFactory: () => options, ...extras })],
  ])('has them from the `imports` of %s', async (_, register) => {
    const { url } = await startWith([register()]);
    const client = await RawClient.open(url, { headers: { authorization: 'Bearer right' } });
    expect((await client.ask(echo)).result).toBeDefined();
    expect((await client.post(echo, { authorization: 'Bearer wrong' })).status).toBe(403);
  });
});

describe('inside an application', () => {
  it.each(['Streamable HTTP', 'HTTP+SSE'] as const)(
    '%s works with a global prefix and versioned routes',
    async (wire) => {
      const { origin } = await startApp(
        { server: createScenario('v2').factory },
        {
          prepare: (app) => {
            app.setGlobalPrefix('api');
            app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
          },
        },
      );
      const client = await connectClient('v2', wire, `${origin}/api`);
      const long = 'x'.repeat(500_000);
      expect(await client.call('echo', { text: long })).toHaveLength(long.length);
      expect(await statusOf(`${origin}/mcp`)).toBe(404);
    },
  );

  it('works with a prefix for other routes only', async () => {
    const { origin } = await startApp(
      { server: createScenario('v2').factory },
      { prepare: (app) => app.setGlobalPrefix('api', { exclude: ['mcp', 'mcp/*path'] }) },
    );
    const client = await RawClient.open(`${origin}/mcp`);
    expect((await client.ask(callRequest(1, 'echo', { text: 'x'.repeat(500_000) }))).result).toBeDefined();
  });

  it('works at the root', async () => {
    const { origin } = await startApp({ server: createScenario('v2').factory, path: '/' });
    const client = await RawClient.open(`${origin}/`);
    expect((await client.ask(echo)).result).toBeDefined();
    const sse = await new RawClient(`${origin}/sse`).listen();
    expect((await sse.next())!.data).toMatch(/^\/messages\?sessionId=/);
  });

  it('is guarded by the application’s global guards, which answer in the application’s way', async () => {
    @Injectable()
    class TokenGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const { headers } = context.switchToHttp().getRequest<Request>();
        if (headers.authorization === undefined) throw new UnauthorizedException('Show your token');
        return true;
      }
    }
    const { url } = await startApp(
      { server: createScenario('v2').factory },
      { prepare: (app) => app.useGlobalGuards(new TokenGuard()) },
    );
    const refused = await new RawClient(url).post(initializeRequest());
    expect(refused.status).toBe(401);
    expect(await refused.json()).toEqual({
      statusCode: 401,
      message: 'Show your token',
      error: 'Unauthorized',
    });
    const client = await RawClient.open(url, { headers: { authorization: 'Bearer x' } });
    expect((await client.ask(echo)).result).toBeDefined();
  });

  it('leaves its own errors to itself, and the application’s to the application', async () => {
    @Catch()
    class AppFilter implements ExceptionFilter {
      catch(error: unknown, host: ArgumentsHost): void {
        const status = error instanceof HttpException ? error.getStatus() : 500;
        host.switchToHttp().getResponse<Response>().status(status).json({ app: 'says no' });
      }
    }
    @Injectable()
    class Picky implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.switchToHttp().getRequest<Request>().headers['x-picky'] === undefined;
      }
    }
    const { url } = await startApp(
      { server: createScenario('v2').factory, decorators: [UseGuards(Picky)] },
      { prepare: (app) => app.useGlobalFilters(new AppFilter()) },
    );
    const client = new RawClient(url);
    expect(await refusal(client.post(echo))).toMatchObject({ status: 400, code: -32000 });
    const refused = await client.post(initializeRequest(), { 'x-picky': 'yes' });
    expect([refused.status, await refused.json()]).toEqual([403, { app: 'says no' }]);
  });

  it('has streams that a global timeout does not cut', async () => {
    const intercepted: string[] = [];
    class Timeout implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        intercepted.push(context.getClass().name);
        return next.handle().pipe(timeout(60));
      }
    }
    const scenario = createScenario('v2');
    const { url, sessions } = await startApp(
      { server: scenario.factory },
      { prepare: (app) => app.useGlobalInterceptors(new Timeout()) },
    );
    const client = await RawClient.open(url);
    const main = await client.listen();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    const since = Date.now();
    await eventually('several timeouts', () => Date.now() - since > 200);
    await sessions.notifyAll({ method: 'notifications/tools/list_changed' });
    expect((await main.nextMessage())!.method).toBe('notifications/tools/list_changed');
    call.finish('done');
    expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
    expect(intercepted.length).toBeGreaterThanOrEqual(4);
  });

  it('leaves the application’s own bodies alone', async () => {
    const { origin } = await startApp({ server: createScenario('v2').factory });
    const response = await fetch(`${origin}/mcp-other`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).not.toHaveProperty('jsonrpc');
  });
});

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
