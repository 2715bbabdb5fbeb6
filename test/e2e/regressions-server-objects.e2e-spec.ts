import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  InMemorySessionStore,
  InMemoryStreamManager,
  type JsonRpcMessage,
  type McpServerLike,
  type McpSessionsOptions,
  type MessageExtra,
  type Transport,
} from 'nestjs-mcp-sessions';
import { CallControl } from '../support/call-control.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, initializeRequest, RawClient } from '../support/raw-client.js';
import { createServerV2 } from '../support/scenario-server-v2.js';
import { startApp } from '../support/start-app.js';

type ServerV2 = ReturnType<typeof createServerV2>;

const echo = callRequest(1, 'echo', { text: 'x' });
const setLevel = (id: number, level = 'error') => ({
  jsonrpc: '2.0',
  id,
  method: 'logging/setLevel',
  params: { level },
});
const subscribe = (id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'resources/subscribe',
  params: { uri: 'note://one' },
});

/**
 * An application each of whose server objects the test may change; `again` says whether `forget` was called before.
 * It keeps one server object at a time, so that the test decides when one is forgotten.
 */
async function started(
  change: (server: ServerV2, again: boolean) => McpServerLike | void | Promise<McpServerLike | void>,
  options: McpSessionsOptions = {},
) {
  const control = new CallControl();
  const servers: ServerV2[] = [];
  let again = false;
  const server = async (): Promise<McpServerLike> => {
    const made = createServerV2(control);
    servers.push(made);
    return (await change(made, again)) ?? made;
  };
  const app = await startApp({ server, limits: { runtimes: 1 }, ...options });
  /** Has the server object of the session that is there forget, by that of another session. */
  const forget = async (): Promise<void> => {
    await RawClient.open(app.url);
    await eventually('the drop of the server object', () => app.status().runtimes === 1);
    servers.splice(0);
    again = true;
  };
  return { ...app, control, servers, forget };
}

const unending = <T>(): Promise<T> => new Promise(() => undefined);

async function answered(response: Promise<Response>): Promise<number> {
  const { status, text } = await within(
    'the answer',
    response.then(async (answer) => ({ status: answer.status, text: await answer.text() })),
  );
  expect(text).toBeDefined();
  return status;
}

describe('a server object', () => {
  it.each(['sse', 'json'] as const)(
    'that closes itself while it is made again keeps nothing waiting, mode %s',
    async (responseMode) => {
      const { url, forget, app } = await started(
        (server, again) => {
          if (again) server.server.oninitialized = () => void server.close();
        },
        { responseMode },
      );
      const client = await RawClient.open(url);
      await (await client.post(setLevel(1))).text();
      await (await client.post(subscribe(2))).text();
      await forget();
      expect([200, 404, 500, 503]).toContain(await answered(client.post({ ...echo, id: 3 })));
      expect([200, 404]).toContain(await answered(client.delete()));
      await within('the end', app.close());
    },
  );

  it('is brought up to date although the session ends meanwhile: no POST hangs in JSON mode', async () => {
    const store = new InMemorySessionStore();
    const a = await started(() => undefined, { store });
    let reached = false;
    const b = await started(
      (server) => {
        server.server.setRequestHandler('logging/setLevel', () => {
          reached = true;
          return unending();
        });
      },
      { store, responseMode: 'json' },
    );
    const onA = await RawClient.open(a.url);
    const onB = new RawClient(b.url);
    onB.sessionId = onA.sessionId;
    expect(await answered(onB.post(echo))).toBe(200);
    await onA.ask(setLevel(2));
    await onA.ask(subscribe(3));
    const behind = onB.post({ ...echo, id: 4 });
    await eventually('the catching up', () => reached);
    expect(await answered(onB.delete())).toBe(200);
    expect([404, 500, 503]).toContain(await answered(behind));
  });

  it('that is never made again does not keep the session from ending', async () => {
    const { url, forget, servers, app } = await started((_, again) => (again ? unending() : undefined));
    const client = await RawClient.open(url);
    await forget();
    const waiting = client.post(echo).catch(() => undefined);
    await eventually('the server object', () => servers.length === 1);
    expect(await answered(client.delete())).toBe(200);
    expect(await answered(client.post({ ...echo, id: 2 }))).toBe(404);
    await within('the end', app.close());
    await within('the waiting request', waiting);
  });

  it('that throws at a message leaves no request in progress', async () => {
    let throwing = true;
    const { url, status } = await started(
      (server) => ({
        connect: async (transport: Transport) => {
          await server.connect(transport as never);
          const receive = transport.onmessage!;
          transport.onmessage = (message: JsonRpcMessage, extra?: MessageExtra) => {
            const isCall = message.method === 'tools/call';
            if (isCall && throwing) throw new Error('boom');
            receive(message, extra);
          };
        },
        close: () => server.close(),
      }),
      { runtimeIdleMs: 20 },
    );
    const client = await RawClient.open(url);
    expect([200, 500]).toContain(await answered(client.post(echo)));
    throwing = false;
    expect((await client.ask(echo)).result).toBeDefined();
    await eventually('the drop', () => status().runtimes === 0);
  });

  it('that the application closed is followed by another one', async () => {
    const { url, servers } = await started(() => undefined);
    const client = await RawClient.open(url);
    expect((await client.ask(echo)).result).toBeDefined();
    await servers[0]!.close();
    expect((await client.ask({ ...echo, id: 2 })).result).toBeDefined();
    expect(servers).toHaveLength(2);
  });

  it('that closes itself in a tool is followed by another one', async () => {
    const { url, servers } = await started((server) => {
      server.registerTool('bye', {}, () => {
        setImmediate(() => void server.close());
        return { content: [{ type: 'text', text: 'bye' }] };
      });
    }, {});
    const client = await RawClient.open(url);
    for (let round = 0; round < 10; round += 1) {
      expect(await client.ask(callRequest(`bye ${round}`, 'bye'))).toMatchObject({ result: {} });
      expect((await client.ask({ ...echo, id: round })).result).toBeDefined();
    }
    expect(servers.length).toBeGreaterThan(1);
  });

  it('that closes itself while a request is on its way to it is no end of the session', async () => {
    let opening: (() => void) | undefined;
    class LateStreams extends InMemoryStreamManager {
      late = false;
      override async open(...args: Parameters<InMemoryStreamManager['open']>): Promise<void> {
        if (this.late) await new Promise<void>((resolve) => (opening = resolve));
        return super.open(...args);
      }
    }
    const stream = new LateStreams();
    const { url, servers } = await started(() => undefined, { stream });
    const client = await RawClient.open(url);
    stream.late = true;
    const onItsWay = client.post(echo);
    await eventually('the stream', () => opening);
    stream.late = false;
    await servers[0]!.close();
    opening!();
    expect([200, 503]).toContain(await answered(onItsWay));
    expect((await client.ask({ ...echo, id: 2 })).result).toBeDefined();
    expect(servers).toHaveLength(2);
  });

  it('that is made again does not repeat to the client what it sends when initialized', async () => {
    const { url, forget, sessions, servers } = await started((server) => {
      server.server.oninitialized = () => server.sendToolListChanged();
    });
    const client = await RawClient.open(url);
    const main = await client.listen();
    expect((await main.nextMessage())!.method).toBe('notifications/tools/list_changed');
    await forget();
    expect((await client.ask(echo)).result).toBeDefined();
    expect(servers).toHaveLength(1);
    await sessions.notify(client.sessionId!, { method: 'notifications/marker' });
    expect((await main.nextMessage())!.method).toBe('notifications/marker');
  });

  it.each(['a session that is there', 'a new session'])(
    'that is still being made when the shutdown begins is waited for: %s',
    async (kind) => {
      const first = kind === 'a new session';
      let make!: () => void;
      const gate = new Promise<void>((resolve) => (make = resolve));
      const { url, app, forget, servers, status } = await started(
        (_, again) => (first || again ? gate : undefined),
        { shutdownGraceMs: 6_000 },
      );
      const client = first ? new RawClient(url) : await RawClient.open(url);
      if (!first) await forget();
      const answer = client.post(first ? initializeRequest() : echo).then(
        async (response) => response.text(),
        (error: Error) => error.message,
      );
      await eventually('the server object', () => servers.length === 1);
      const closed = app.close();
      await eventually('the shutdown', () => status().status === 'down');
      // It must not get through meanwhile; nothing tells that it waits.
      await Promise.race([closed, delay(200)]);
      make();
      expect(await within('the answer', answer)).toContain('"result"');
      await within('the end', closed);
    },
  );
});
