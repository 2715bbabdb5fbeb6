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
