import { describe, expect, it } from '@jest/globals';
import { EventSource } from 'eventsource';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, initializeRequest, INITIALIZED, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp, type StartSettings } from '../support/start-app.js';

async function started(options: Partial<Parameters<typeof startApp>[0]> = {}, settings: StartSettings = {}) {
  const scenario = createScenario('v2');
  const app = await startApp({ server: scenario.factory, ...options }, settings);
  return { ...app, scenario };
}

/** Opens the stream and reads where to POST. */
async function connect(streamUrl: string, headers = {}) {
  const stream = await new RawClient(streamUrl, headers).listen();
  const endpoint = (await stream.next())!;
  const messages = new RawClient(new URL(endpoint.data!, streamUrl).href, headers);
  const sessionId = new URL(messages.url).searchParams.get('sessionId')!;
  return { stream, endpoint, messages, sessionId };
}

async function initialized(streamUrl: string) {
  const connection = await connect(streamUrl);
  const { stream, messages } = connection;
  expect((await messages.post(initializeRequest('2024-11-05'))).status).toBe(202);
  expect(await stream.nextMessage()).toMatchObject({ id: 0, result: { protocolVersion: '2024-11-05' } });
  expect((await messages.post(INITIALIZED)).status).toBe(202);
  return connection;
}

describe('HTTP+SSE', () => {
  it('opens with the endpoint, and answers on the stream', async () => {
    const { url } = await started();
    const { endpoint, stream, messages } = await initialized(`${url}/sse`);
    expect(endpoint).toMatchObject({
      event: 'endpoint',
      data: expect.stringMatching(/^\/mcp\/messages\?sessionId=[\w-]+$/),
    });
    const posted = await messages.post(callRequest(1, 'echo', { text: 'hello' }));
    expect(posted.status).toBe(202);
    expect(posted.headers.get('content-type')).not.toMatch(/event-stream/);
    expect(await stream.nextMessage()).toMatchObject({ id: 1, result: { content: [{ text: 'hello' }] } });
    expect(stream.events.every(({ event }) => event === 'endpoint' || event === 'message')).toBe(true);
    expect(stream.response.headers.get('x-accel-buffering')).toBe('no');
  });

  it('names an endpoint beside the stream, prefix and all', async () => {
    const { origin } = await started(
      { path: 'ai/notes' },
      { prepare: (app) => app.setGlobalPrefix('api/v1') },
    );
    for (const streamUrl of [`${origin}/api/v1/ai/notes/sse`, `${origin}/api/v1/ai/notes/sse/?x=1`]) {
      const { endpoint } = await initialized(streamUrl);
      expect(endpoint.data).toMatch(/^\/api\/v1\/ai\/notes\/messages\?sessionId=/);
    }
  });

  it('refuses POSTs with no session, an unknown one, and one whose connection has ended', async () => {
    const { url, sessions, status, events } = await started();
    const to = (query: string) =>
      new RawClient(`${url}/messages${query}`).post(callRequest(1, 'echo', { text: 'x' }));
    for (const query of ['', '?sessionId=', '?sessionId=a&sessionId=b']) {
      expect(await refusal(to(query))).toMatchObject({ status: 400, code: -32000 });
    }
    expect(await refusal(to('?sessionId=unknown'))).toMatchObject({ status: 404, code: -32001 });
    const { stream, sessionId } = await initialized(`${url}/sse`);
    await stream.close();
    await eventually('the end', () => events.some(({ type }) => type === 'ended'));
    expect(await refusal(to(`?sessionId=${sessionId}`))).toMatchObject({ status: 404, code: -32001 });
    expect(await sessions.get(sessionId)).toBeNull();
    await eventually('nothing left', () => status().runtimes === 0);
    expect(status()).toMatchObject({ sessions: 0, streams: 0 });
    expect(events).toEqual([
      { type: 'created', sessionId },
      { type: 'ended', sessionId },
    ]);
  });

  it('does not share sessions with Streamable HTTP', async () => {
    const { url } = await started();
    const { sessionId, stream, messages } = await initialized(`${url}/sse`);
    const wrong = new RawClient(url, { 'mcp-session-id': sessionId });
    for (const response of [wrong.post(callRequest(1, 'echo', { text: 'x' })), wrong.get(), wrong.delete()]) {
      expect(await refusal(response)).toMatchObject({ status: 404, code: -32001 });
    }
    const streamable = await RawClient.open(url);
    const post = new RawClient(`${url}/messages?sessionId=${streamable.sessionId}`).post(
      callRequest(1, 'echo', { text: 'x' }),
    );
    expect(await refusal(post)).toMatchObject({ status: 404, code: -32001 });
    await messages.post(callRequest(2, 'echo', { text: 'still there' }));
    expect((await stream.nextMessage())!.id).toBe(2);
    expect((await streamable.ask(callRequest(1, 'echo', { text: 'x' }))).result).toBeDefined();
  });

  it('ends the stream when the application ends the session', async () => {
    const { url, sessions, scenario } = await started();
    const { stream, messages, sessionId } = await initialized(`${url}/sse`);
    await messages.post(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await sessions.end(sessionId);
    expect(await stream.rest()).toMatchObject([{ id: 1, error: { message: 'Connection closed' } }]);
    expect(call.signal.aborted).toBe(true);
    expect((await messages.post(INITIALIZED)).status).toBe(404);
  });

  it('refuses what is wrong as Streamable HTTP does', async () => {
    const { url } = await started();
    const { messages } = await initialized(`${url}/sse`);
    expect(await refusal(messages.post('{'))).toMatchObject({ status: 400, code: -32700 });
    expect(await refusal(messages.post({ jsonrpc: '2.0', id: null, method: 'ping' }))).toMatchObject({
      status: 400,
      code: -32600,
    });
    expect(await refusal(messages.post([{ jsonrpc: '2.0', id: 1, method: 'ping' }]))).toMatchObject({
      status: 400,
      code: -32600,
    });
    expect(await refusal(messages.post('{}', { 'content-type': 'text/plain' }))).toMatchObject({
      status: 415,
      code: -32000,
    });
    expect(await refusal(new RawClient(`${url}/sse`).get({ accept: 'application/json' }))).toMatchObject({
      status: 406,
      code: -32000,
    });
    const long = callRequest(1, 'echo', { text: 'x'.repeat(1024 * 1024) });
    expect((await messages.post(long)).status).toBe(202);
  });

  it('refuses a request id that is in progress', async () => {
    const { url, scenario } = await started();
    const { messages, stream } = await initialized(`${url}/sse`);
    await messages.post(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    expect(await refusal(messages.post(callRequest(1, 'echo', { text: 'x' })))).toMatchObject({
      status: 400,
      code: -32600,
    });
    call.finish('done');
    expect(await stream.nextMessage()).toMatchObject({ id: 1, result: {} });
  });

  it('can be read by any EventSource', async () => {
    const { url, sessions } = await started();
    const source = new EventSource(`${url}/sse`);
    cleanUpLater(() => source.close());
    const endpoint = await within(
      'the endpoint',
      new Promise<string>((resolve) =>
        source.addEventListener('endpoint', ({ data }) => resolve(data as string)),
      ),
    );
    const messages = new RawClient(new URL(endpoint, url).href);
    const received: { id?: number; method?: string }[] = [];
    source.addEventListener('message', ({ data }) => received.push(JSON.parse(data as string)));
    await messages.post(initializeRequest('2024-11-05'));
    await eventually('the answer', () => received.length === 1);
    await messages.post(INITIALIZED);
    await sessions.notifyAll({ method: 'notifications/tools/list_changed' });
    await eventually('the notification', () => received.length === 2);
    expect(received.map(({ id, method }) => id ?? method)).toEqual([0, 'notifications/tools/list_changed']);
  });
});
