import { describe, expect, it } from '@jest/globals';
import { InMemorySessionStore, type McpSessionsOptions } from 'nestjs-mcp-sessions';
import { CallControl } from '../support/call-control.js';
import { eventually } from '../support/eventually.js';
import { callRequest, initializeRequest, RawClient, refusal } from '../support/raw-client.js';
import { createServerV2 } from '../support/scenario-server-v2.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

const echo = (id: number) => callRequest(id, 'echo', { text: 'x' });
const LARGE = 'x'.repeat(64 * 1024);

describe('what a session has to remember is bounded:', () => {
  const withParams = (more: object) => {
    const request = initializeRequest();
    return { ...request, params: { ...request.params, ...more } };
  };

  it.each([
    ['client information', withParams({ clientInfo: { name: 'raw', version: '1', title: LARGE } })],
    ['capabilities', withParams({ capabilities: { experimental: { large: { text: LARGE } } } })],
  ])('too much of %s is refused, and opens no session', async (_, request) => {
    const store = new InMemorySessionStore();
    const { url, status, events } = await startApp({ server: createScenario('v2').factory, store });
    const response = await new RawClient(url).post(request);
    expect(response.headers.get('mcp-session-id')).toBeNull();
    expect(await response.json()).toMatchObject({ id: 0, error: { code: -32602 } });
    await eventually('the end', () => status().runtimes === 0);
    expect(status().sessions).toBe(0);
    expect(events).toEqual([]);
    expect(await store.keys()).toEqual([]);
  });

  it('just enough is accepted', async () => {
    const { url } = await startApp({ server: createScenario('v2').factory });
    const title = LARGE.slice(200);
    const clientInfo = { name: 'raw', version: '1', title };
    const response = await new RawClient(url).post(withParams({ clientInfo }));
    expect(response.headers.get('mcp-session-id')).not.toBeNull();
    expect(await response.json()).toMatchObject({ id: 0, result: {} });
  });

  async function withSubscriptions() {
    const asked: string[] = [];
    const store = new InMemorySessionStore();
    const server: McpSessionsOptions['server'] = () => {
      const made = createServerV2(new CallControl());
      made.server.setRequestHandler('resources/subscribe', ({ params }) => {
        asked.push(params.uri);
        return {};
      });
      return made;
    };
    const { url } = await startApp({ server, store });
    const client = await RawClient.open(url);
    let id = 0;
    const subscribe = (uri: string, method = 'resources/subscribe') => {
      id += 1;
      return client.ask({ jsonrpc: '2.0', id, method, params: { uri } } as { id: number });
    };
    return { asked, store, client, subscribe };
  }

  it('a subscription’s URI', async () => {
    const { asked, store, client, subscribe } = await withSubscriptions();
    const uri = (length: number) => 'note://'.padEnd(length, 'x');
    expect((await subscribe(uri(2_049))).error?.code).toBe(-32602);
    expect(asked).toEqual([]);
    expect((await subscribe(uri(2_048))).result).toEqual({});
    expect(asked).toEqual([uri(2_048)]);
    expect((await store.get(client.sessionId!))!.subscriptions).toEqual([uri(2_048)]);
  });

  it('the number of subscriptions', async () => {
    const { asked, store, client, subscribe } = await withSubscriptions();
    // As if made on another instance, which is quicker.
    const subscriptions = Array.from({ length: 1_000 }, (_, index) => `note://${index}`);
    await store.update(client.sessionId!, { subscriptions });
    expect((await subscribe('note://more')).error?.code).toBe(-32602);
    expect(asked).not.toContain('note://more');
    expect((await store.get(client.sessionId!))!.subscriptions).toHaveLength(1_000);
    expect((await subscribe('note://0')).result).toEqual({});
    expect((await subscribe('note://0', 'resources/unsubscribe')).result).toEqual({});
    expect((await subscribe('note://more')).result).toEqual({});
    expect((await store.get(client.sessionId!))!.subscriptions).toContain('note://more');
  });
});

describe('the number of a session’s requests in progress is limited', () => {
  const controlled = (id: number) => callRequest(id, 'controlled', { name: `call ${id}` });

  async function started(options: McpSessionsOptions = {}) {
    const scenario = createScenario('v2');
    const app = await startApp({
      server: scenario.factory,
      limits: { requestsPerSession: 2 },
      ...options,
    });
    return { ...app, scenario };
  }

  async function expectBusy(response: Promise<Response>) {
    const refused = await refusal(response);
    expect(refused).toMatchObject({ status: 429, code: -32000 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  }

  it('over Streamable HTTP, also when the client hung up', async () => {
    const { url, scenario, status } = await started();
    const [client, other] = [await RawClient.open(url), await RawClient.open(url)];
    const calls = [];
    for (const id of [1, 2]) {
      const stream = await client.stream(controlled(id));
      calls.push(await scenario.control.started(`call ${id}`));
      await stream.close();
    }
    await eventually('the hang-ups', () => status().streams === 0);
    await expectBusy(client.post(echo(3)));
    expect((await other.ask(echo(3))).result).toBeDefined();
    const note = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 0, progress: 1 },
    };
    expect((await client.post(note)).status).toBe(202);
    calls[0]!.finish('done');
    await eventually('room', async () => {
      const response = await client.post(echo(3));
      await response.text();
      return response.status === 200;
    });
    calls[1]!.finish('done');
  });

  it('in JSON mode', async () => {
    const { url, scenario } = await started({ responseMode: 'json' });
    const client = await RawClient.open(url);
    const answers = [client.post(controlled(1)), client.post(controlled(2))];
    const calls = [await scenario.control.started('call 1'), await scenario.control.started('call 2')];
    await expectBusy(client.post(echo(3)));
    calls[0]!.finish('done');
    expect(await (await answers[0]!).json()).toMatchObject({ id: 1, result: {} });
    expect(await (await client.post(echo(3))).json()).toMatchObject({ id: 3, result: {} });
    calls[1]!.finish('done');
    expect(await (await answers[1]!).json()).toMatchObject({ id: 2, result: {} });
  });

  it('over HTTP+SSE', async () => {
    const { origin, scenario } = await started();
    const stream = await new RawClient(`${origin}/mcp/sse`).listen();
    const messages = new RawClient(origin + (await stream.next())!.data!);
    expect((await messages.post(initializeRequest('2024-11-05'))).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 0, result: {} });
    const calls = [];
    for (const id of [1, 2]) {
      expect((await messages.post(controlled(id))).status).toBe(202);
      calls.push(await scenario.control.started(`call ${id}`));
    }
    await expectBusy(messages.post(echo(3)));
    calls[0]!.finish('done');
    expect(await stream.nextMessage()).toMatchObject({ id: 1, result: {} });
    expect((await messages.post(echo(3))).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 3, result: {} });
    calls[1]!.finish('done');
    expect(await stream.nextMessage()).toMatchObject({ id: 2, result: {} });
  });

  it('and a batch counts as many as it has', async () => {
    const { url } = await started();
    const client = await RawClient.open(url, { version: '2025-03-26' });
    expect([400, 429]).toContain((await refusal(client.post([echo(1), echo(2), echo(3)]))).status);
    expect((await (await client.stream([echo(1), echo(2)])).rest()).map(({ id }) => id)).toEqual([1, 2]);
  });

  it('to 128 by default', async () => {
    const { url, scenario } = await started({ limits: { streamsPerSession: 200 } });
    const client = await RawClient.open(url);
    const calls = [];
    for (let id = 1; id <= 128; id += 1) {
      await client.stream(controlled(id));
      calls.push(await scenario.control.started(`call ${id}`));
    }
    await expectBusy(client.post(echo(129)));
    for (const call of calls) call.finish('done');
    await eventually('room', async () => {
      const response = await client.post(echo(129));
      await response.text();
      return response.status === 200;
    });
  });
});
