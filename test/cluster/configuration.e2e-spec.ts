import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import {
  getMcpSessionsToken,
  McpSessionsModule,
  RedisSessionStore,
  RedisStreamManager,
  SESSION_STORE,
  STREAM_MANAGER,
  type McpSessions,
  type McpSessionsOptions,
  type StreamManager,
} from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { freePort } from '../support/redis/free-port.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario } from '../support/scenario-server.js';
import { startWith } from '../support/start-app.js';
import { MapSessionStore } from '../examples/map-session-store.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

const VARIABLES = ['MCP_SESSIONS_STORE', 'MCP_SESSIONS_STREAM', 'MCP_SESSIONS_REDIS_URL', 'REDIS_URL'];
afterEach(() => {
  for (const variable of VARIABLES) delete process.env[variable];
});

const server = createScenario('v2').factory;
const start = (options: McpSessionsOptions = {}) =>
  startWith([McpSessionsModule.forRoot({ server, ...options })]);

describe('Redis in the options', () => {
  it.each([
    ['by the environment', {}, { MCP_SESSIONS_STORE: 'redis', MCP_SESSIONS_STREAM: 'redis' }],
    ['by name', { store: 'redis', stream: 'redis' }, {}],
  ] as const)('is found %s', async (_, options, environment) => {
    Object.assign(process.env, environment, { REDIS_URL: redis.url });
    const { app, url, close } = await start(options);
    expect(app.get(SESSION_STORE)).toBeInstanceOf(RedisSessionStore);
    expect(app.get(STREAM_MANAGER)).toBeInstanceOf(RedisStreamManager);
    const client = await RawClient.open(url);
    expect(await client.ask(callRequest(1, 'echo', { text: 'x' }))).toMatchObject({ result: {} });
    expect(await redis.command('keys', 'mcp:session:*')).toHaveLength(1);
    await client.delete();
    await close();
    // The library's own connections are closed; that of the question remains.
    await eventually('the connections are closed', async () => {
      const clients = (await redis.command('client', 'list')) as string;
      return clients.trim().split('\n').length === 1;
    });
  });

  it('takes clients of the application, and leaves them open', async () => {
    const clients = Array.from({ length: 2 }, () => new Redis(redis.url));
    cleanUpLater(() => clients.forEach((client) => client.disconnect()));
    const [client, pubSubClient] = clients as [Redis, Redis];
    const { url, close } = await start({
      store: { type: 'redis', client, prefix: 'own:session:' },
      stream: { type: 'redis', client, pubSubClient, prefix: 'own:stream:' },
    });
    await RawClient.open(url);
    expect(await client.keys('own:session:*')).toHaveLength(1);
    await close();
    expect(await client.ping()).toBe('PONG');
  });

  it.each<[string, McpSessionsOptions, RegExp[]]>([
    ['both', { store: 'redis', stream: 'redis' }, []],
    ['an own store and Redis streams', { store: new MapSessionStore(), stream: 'redis' }, []],
    [
      'the store alone',
      { store: 'redis', stream: 'memory' },
      [/streams are in the memory of this instance\..* is lost\..*MCP_SESSIONS_STREAM to "redis"/],
    ],
    [
      'the streams alone',
      { store: 'memory', stream: 'redis' },
      [/store belongs to this instance\..*404.*MCP_SESSIONS_STORE to "redis"/],
    ],
  ])('is said at the start, with a warning where one is needed: %s', async (_, options, warnings) => {
    process.env['REDIS_URL'] = redis.url;
    const { logger } = await start(options);
    const names = [options.store, options.stream].map((kept) =>
      typeof kept === 'string' ? kept : kept!.constructor.name,
    );
    const report = `store: ${names[0]}; stream: ${names[1]} McpSessionsModule`;
    expect(logger.lines.filter((line) => line.includes('store: '))).toEqual([report]);
    expect(logger.warnings).toEqual(warnings.map((warning) => expect.stringMatching(warning)));
  });

  it('is said by name in a warning of a named registration', async () => {
    process.env['REDIS_URL'] = redis.url;
    const { logger } = await startWith([
      McpSessionsModule.forRoot({ server, store: 'memory' }),
      McpSessionsModule.forRoot({ name: 'admin', store: 'redis' }),
    ]);
    expect(logger.warnings).toEqual([
      expect.stringMatching(/^Registration "admin": .*MCP_SESSIONS_ADMIN_STREAM to "redis"/),
    ]);
  });

  it('is not asked for at a REDIS_URL that nobody needs, whatever that is', async () => {
    process.env['REDIS_URL'] = 'not-an-address';
    process.env['MCP_SESSIONS_REDIS_URL'] = redis.url;
    await RawClient.open((await start({ store: 'redis', stream: 'redis' })).url);
    delete process.env['MCP_SESSIONS_REDIS_URL'];
    const given = { type: 'redis', url: redis.url } as const;
    await RawClient.open((await start({ store: given, stream: given })).url);
    await expect(start({ store: 'redis', stream: 'memory' })).rejects.toThrow(
      'REDIS_URL must be a URL that begins with redis:// or rediss://',
    );
  });

  it('keeps registrations of one application apart', async () => {
    const options = { server, store: 'redis', stream: 'redis' } as const;
    process.env['REDIS_URL'] = redis.url;
    const { app, origin } = await startWith([
      McpSessionsModule.forRoot(options),
      McpSessionsModule.forRoot({
        ...{ ...options, name: 'admin', path: '/admin' },
        // As a setting has it that was not found anywhere.
        stream: { type: 'redis', prefix: undefined },
      }),
    ]);
    const [one, other] = [await RawClient.open(`${origin}/mcp`), await RawClient.open(`${origin}/admin`)];
    const [main, otherMain] = [await one.listen(), await other.listen()];
    const admin = app.get<McpSessions>(getMcpSessionsToken('admin'));
    await admin.notifyAll({ method: 'notifications/for-admins' });
    expect((await otherMain.nextMessage())!.method).toBe('notifications/for-admins');
    const forOthers = { jsonrpc: '2.0', method: 'notifications/for-others' };
    await app.get<StreamManager>(STREAM_MANAGER).send(undefined, `data: ${JSON.stringify(forOthers)}\n\n`);
    expect((await main.nextMessage())!.method).toBe('notifications/for-others');
    expect((await one.at(`${origin}/admin`).post(callRequest(1, 'echo', { text: 'x' }))).status).toBe(404);
  });

  it.each<[McpSessionsOptions, RegExp]>([
    [{ store: 'redis' }, /store.*no address.*MCP_SESSIONS_REDIS_URL or REDIS_URL/],
    [{ store: 'memory', stream: 'redis' }, /stream.*no address.*`client` and `pubSubClient`/],
    [{ store: { type: 'redis', url: 'http://127.0.0.1' } }, /store/],
    [{ store: { type: 'redis', client: {} as never } }, /client/],
    [{ store: 'memory', stream: { type: 'redis', client: {} as never } }, /both client and pubSubClient/],
    [{ store: 'memory', stream: { type: 'redis', heartbeatInterval: 0 } }, /stream/],
  ])('does not start with %j', async (options, message) => {
    await expect(start(options)).rejects.toThrow(message);
  });

  it('P6 a start without Redis waits, says so, and fails: it never becomes memory', async () => {
    const url = `redis://:secret@127.0.0.1:${await freePort()}`;
    const failure = await start({ store: { type: 'redis', url }, stream: 'memory' }).catch(
      (error: Error) => error,
    );
    expect(failure).toMatchObject({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringMatching(
        /Redis of the option `store` has not answered for 10 seconds \(connect ECONNREFUSED .+\): start it/,
      ),
    });
    expect(String((failure as Error).stack)).not.toContain('secret');
  }, 30_000);

  it.each([
    ['a wrong password', 'redis://:wrong@'],
    ['an unknown user', 'redis://nobody:wrong@'],
    ['no password', 'redis://'],
  ])('does not start, and does not wait, with %s', async (_, credentials) => {
    const guarded = await RedisServer.start({ args: ['--requirepass', 'right'], password: 'right' });
    cleanUpLater(() => guarded.dispose());
    const url = `${credentials}127.0.0.1:${guarded.port}`;
    const startedAt = performance.now();
    for (const options of [
      { store: { type: 'redis', url }, stream: 'memory' },
      { store: 'memory', stream: { type: 'redis', url } },
    ] as const) {
      const failure = await start(options).catch((error: Error) => error);
      expect(failure).toMatchObject({
        code: 'INVALID_CONFIGURATION',
        message: expect.stringMatching(
          /does not let the client in \((WRONGPASS|NOAUTH).*\): check user and password/,
        ),
      });
      expect(String((failure as Error).stack)).not.toMatch(/wrong@|:wrong/);
    }
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('P6 a start waits for a Redis that comes late', async () => {
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const starting = start({ store: { type: 'redis', url }, stream: { type: 'redis', url } });
    const late = await RedisServer.start({ port });
    cleanUpLater(() => late.dispose());
    await RawClient.open((await starting).url);
  });
});
