import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Inject, Injectable, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import {
  FileSystemSessionStore,
  InMemoryStreamManager,
  InvalidConfigurationError,
  McpSessions,
  McpSessionsModule,
} from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp, startWith } from '../support/start-app.js';

const memory = { store: 'memory', stream: 'memory' } as const;
const echo = callRequest(1, 'echo', { text: 'x' });
const JSON_TYPE = { 'content-type': 'application/json' };

describe('an application with jobs of its own', () => {
  const EVERY_MS = 15;

  @Injectable()
  class Jobs {
    runs = 0;
    constructor(@Inject(SchedulerRegistry) readonly registry: SchedulerRegistry) {}

    @Interval('tick', EVERY_MS)
    tick(): void {
      this.runs += 1;
    }
  }

  /** Intervals of one length fire in turn: another one counts how often a job has to have run. */
  function metronome() {
    const beat = { count: 0 };
    const timer = setInterval(() => (beat.count += 1), EVERY_MS);
    cleanUpLater(() => clearInterval(timer));
    return beat;
  }

  const registration = () => McpSessionsModule.forRoot({ ...memory, server: createScenario('v2').factory });

  it.each([
    ['before', (): Parameters<typeof startWith>[0] => [ScheduleModule.forRoot(), registration()]],
    ['after', (): Parameters<typeof startWith>[0] => [registration(), ScheduleModule.forRoot()]],
  ])('has each run once, and can delete it, with its ScheduleModule %s this module', async (_, imports) => {
    const { app } = await startWith(imports(), { metadata: { providers: [Jobs] } });
    const jobs = app.get(Jobs);
    const before = jobs.runs;
    const beat = metronome();
    await eventually('ten beats', () => beat.count >= 10);
    const runs = jobs.runs - before;
    expect(runs).toBeGreaterThan(0);
    expect(runs).toBeLessThanOrEqual(beat.count + 2);

    jobs.registry.deleteInterval('tick');
    const after = jobs.runs;
    const beats = beat.count;
    await eventually('more beats', () => beat.count >= beats + 5);
    expect(jobs.runs).toBe(after);
  });
});

describe('an application context without HTTP', () => {
  it.each([
    ['with', createScenario('v2').factory],
    ['without', undefined],
  ])('has the sessions %s a server, and closes', async (_, server) => {
    @Module({ imports: [McpSessionsModule.forRoot({ ...memory, server, shutdownGraceMs: 0 })] })
    class AppModule {}
    const context = await NestFactory.createApplicationContext(AppModule, {
      logger: false,
      abortOnError: false,
    });
    try {
      await context.get(McpSessions, { strict: false }).notifyAll({ method: 'notifications/x' });
    } finally {
      await within('the end', context.close());
    }
  });
});

describe('registrations and request bodies', () => {
  @Controller('mcp')
  class OwnController {
    @Post()
    post(@Body() body: unknown): unknown {
      return { own: body };
    }
  }

  it('without a server, the application’s own route at the path is left alone', async () => {
    const { url } = await startWith([McpSessionsModule.forRoot(memory)], {
      metadata: { controllers: [OwnController] },
    });
    const post = (body: string) => fetch(url, { method: 'POST', headers: JSON_TYPE, body });
    const bad = await post('{"a":');
    expect(bad.status).toBe(400);
    expect(await bad.json()).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    const good = await post('{"a":1}');
    expect(good.status).toBe(201);
    expect(await good.json()).toEqual({ own: { a: 1 } });
    expect((await post(JSON.stringify({ a: 'x'.repeat(200_000) }))).status).toBe(413);
  });

  it('made by a factory without a server, too', async () => {
    const { url } = await startWith([McpSessionsModule.forRootAsync({ useFactory: () => memory })]);
    const bad = await fetch(url, { method: 'POST', headers: JSON_TYPE, body: '{"a":' });
    expect([400, 404]).toContain(bad.status);
    expect(await bad.json()).not.toHaveProperty('jsonrpc');
  });

  it.each(['first', 'last'])(
    'a registration for a store alone, which comes %s, does not disturb',
    async (at) => {
      const plain = McpSessionsModule.forRoot({ name: 'x', store: 'memory' });
      const serving = McpSessionsModule.forRoot({ server: createScenario('v2').factory, store: 'memory' });
      const { url } = await startWith(at === 'first' ? [plain, serving] : [serving, plain]);
      const client = await RawClient.open(url);
      expect((await client.ask(echo)).result).toBeDefined();
      expect((await client.ask(callRequest(2, 'echo', { text: 'x'.repeat(200_000) }))).result).toBeDefined();
      expect(await refusal(client.post('{"a":'))).toMatchObject({ status: 400, code: -32700 });
    },
  );

  it.each([
    ['/mcp', '/mcp'],
    ['/mcp', '/mcp/'],
    ['/tools', 'tools'],
    ['/mcp', '/MCP'],
  ])('two that serve %s and %s stop the start', async (first, second) => {
    const server = createScenario('v2').factory;
    const start = async () =>
      startWith([
        McpSessionsModule.forRoot({ ...memory, server, path: first }),
        McpSessionsModule.forRoot({ ...memory, server, path: second, name: 'other' }),
      ]);
    await expect(start()).rejects.toThrow(InvalidConfigurationError);
    await expect(start()).rejects.toThrow(/serve \/\w+: give one of them another `path`/);
  });

  it.each([
    [{}, {}, 'have no name'],
    [{ name: 'notes' }, { name: 'notes' }, 'are named "notes"'],
    [{ name: '' }, {}, 'have no name'],
  ])('two that are %j and %j stop the start', async (first, second, what) => {
    const start = startWith([
      McpSessionsModule.forRoot({ ...memory, ...first }),
      McpSessionsModule.forRoot({ ...memory, ...second, path: '/other' }),
    ]);
    await expect(start).rejects.toThrow(
      `Two registrations of McpSessionsModule ${what}: give one of them a \`name\` of its own.`,
    );
    await expect(start).rejects.toThrow(InvalidConfigurationError);
  });
});

describe('a shutdown', () => {
  it('saves the sessions although the stream manager fails to close', async () => {
    class Stubborn extends InMemoryStreamManager {
      override close(): Promise<void> {
        return Promise.reject(new Error('will not close'));
      }
    }
    const directory = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    cleanUpLater(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, 'sessions.json');
    const { url, close } = await startApp({
      server: createScenario('v2').factory,
      store: { type: 'file', path, debounceMs: 600_000 },
      stream: new Stubborn(),
    });
    const { sessionId } = await RawClient.open(url);
    await within('the end', close());
    const store = new FileSystemSessionStore({ path });
    cleanUpLater(() => store.close());
    expect(await store.keys()).toEqual([sessionId]);
  });
});
