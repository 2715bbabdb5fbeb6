import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { McpSessionsOptions } from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { RequestLog } from '../support/request-log.js';
import { createScenario, type ServerSdk } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';
import { connectClient, type ClientSdk } from '../support/test-client.js';

/** Starts an application whose sessions are in a file, and starts it again on the same file and port. */
async function started(sdk: ServerSdk, options: McpSessionsOptions = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
  cleanUpLater(() => rm(directory, { recursive: true, force: true }));
  const start = async (more: McpSessionsOptions = {}, port?: number) => {
    const scenario = createScenario(sdk);
    const log = new RequestLog();
    const store = { type: 'file' as const, path: join(directory, 'sessions.json'), debounceMs: 5 };
    const settings = { port, prepare: log.prepare };
    const given = { server: scenario.factory, store, shutdownGraceMs: 200, ...options, ...more };
    const app = await startApp(given, settings);
    return { ...app, scenario, log };
  };
  const first = await start();
  const restart = async () => {
    await first.close();
    return start({}, first.port);
  };
  return { first, start, restart };
}

const combinations = (['v1', 'v2'] as const).flatMap((serverSdk: ServerSdk) =>
  (['v1', 'v2'] as const).map((clientSdk: ClientSdk) => ({ serverSdk, clientSdk })),
);

describe.each(combinations)('P1 a restart under client $clientSdk of a server $serverSdk', (combination) => {
  const { serverSdk, clientSdk } = combination;

  it('is not noticed by the client: calls, questions, level, subscriptions and stream go on', async () => {
    const { first, restart } = await started(serverSdk);
    const client = await connectClient(clientSdk, 'Streamable HTTP', first.origin, { answer: () => 'Grace' });
    const sessionId = client.sessionId()!;
    await client.setLevel('error');
    await client.subscribe('note://one');
    await eventually('the stream', () => first.sessions.isConnected(sessionId));
    const before = await client.call('whoami');

    const second = await restart();
    expect(await client.call('echo', { text: 'again' })).toBe('again');
    expect(await client.call('whoami')).toBe(before);
    expect(JSON.parse(before)).toMatchObject({
      client: `client-${clientSdk}`,
      capabilities: ['elicitation', 'roots', 'sampling'],
      subscriptions: ['note://one'],
    });
    expect(JSON.parse(await client.call('ask'))).toEqual({ action: 'accept', name: 'Grace' });
    expect(JSON.parse(await client.call('sample'))).toEqual({ said: 'Hi', progress: [1, 2] });
    await eventually('the stream', () => second.sessions.isConnected(sessionId));
    await client.call('log');
    await second.sessions.notifyResourceUpdated('note://one');
    await eventually('the notifications', () => client.notifications.length >= 2);
    expect(client.notifications).toMatchObject([
      { method: 'notifications/message', params: { level: 'error' } },
      { method: 'notifications/resources/updated' },
    ]);
    expect(client.sessionId()).toBe(sessionId);
    expect(second.events).toEqual([{ type: 'resumed', sessionId }]);
    expect(second.scenario.made).toBe(1);
  });

  it('P2 tells the client that the answer of a running call is lost, once', async () => {
    const { first, restart } = await started(serverSdk, { shutdownGraceMs: 0 });
    const client = await connectClient(clientSdk, 'Streamable HTTP', first.origin);
    const outcome = client.call('controlled', { name: 'a' }).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await first.scenario.control.started('a');
    const second = await restart();
    expect(await outcome).toMatch(/Connection closed|The response was lost/);
    for (let round = 0; round < 20; round += 1) await client.call('steps', { count: 1 });
    // At most: the stream of the call, and the main stream.
    expect(second.log.resumes.length).toBeLessThanOrEqual(3);
  });

  it('P2 that it missed altogether tells it that the answer is lost, and it does not come back for ever', async () => {
    const { first, start } = await started(serverSdk, { shutdownGraceMs: 0, retryMs: 300 });
    const proxy = await CuttingProxy.before(first.port);
    const client = await connectClient(clientSdk, 'Streamable HTTP', proxy.origin);
    await eventually('the stream', () => first.sessions.isConnected(client.sessionId()!));
    const outcome = client.call('controlled', { name: 'a' }).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    const call = await first.scenario.control.started('a');
    await call.say('before');
    await eventually('the message', () => client.logs.length === 1);
    proxy.cut();
    await first.close();
    const second = await start({ retryMs: 20 });
    proxy.targetPort = second.port;
    expect(await outcome).toMatch(/The response was lost/);
    await eventually('the main stream', () => second.sessions.isConnected(client.sessionId()!));
    for (let round = 0; round < 20; round += 1) await client.call('steps', { count: 1 });
    // The stream of the call, again behind its end, and the main stream.
    expect(second.log.seen.filter(({ method }) => method === 'GET').length).toBeLessThanOrEqual(3);
  });
});

describe('after a restart', () => {
  it('the main stream says that events may be lost, and goes on', async () => {
    const { first, restart } = await started('v2');
    const client = await RawClient.open(first.url);
    const main = await client.listen();
    const priming = await main.next();
    const second = await restart();
    const resumed = await client.listen(priming!.id);
    const primingAgain = (await resumed.next())!;
    expect(primingAgain.data).toBe('');
    expect(primingAgain.id).not.toBe(priming!.id);
    expect((await resumed.next())!.comments).toEqual(['events-lost']);
    await second.sessions.notifyAll({ method: 'notifications/tools/list_changed' });
    expect((await resumed.nextMessage())!.method).toBe('notifications/tools/list_changed');
  });

  it('P2 a lost stream of a request ends with an error for that request', async () => {
    const { first, restart } = await started('v2', { shutdownGraceMs: 0 });
    const client = await RawClient.open(first.url);
    const stream = await client.stream(callRequest('my id', 'controlled', { name: 'a' }));
    const priming = await stream.next();
    await first.scenario.control.started('a');
    await stream.close();
    const second = await restart();
    const resumed = await client.listen(priming!.id);
    expect(await resumed.rest()).toMatchObject([{ id: 'my id', error: { code: -32000 } }]);
    expect(await resumed.ended).toBe(true);
    expect(second.logger.errors).toEqual([]);
  });

  it('an id of another session is refused although nothing is left of either stream', async () => {
    const { first, restart } = await started('v2');
    const [client, other] = [await RawClient.open(first.url), await RawClient.open(first.url)];
    const priming = await (await other.listen()).next();
    await restart();
    expect(await refusal(client.get({ 'last-event-id': priming!.id }))).toMatchObject({
      status: 400,
      code: -32000,
    });
  });

  it('data that the application keeps with the session is there', async () => {
    const { first, restart } = await started('v2');
    const { sessionId } = await RawClient.open(first.url);
    await first.sessions.setData(sessionId!, { cart: ['book'] });
    const second = await restart();
    expect(await second.sessions.getData(sessionId!)).toEqual({ cart: ['book'] });
    expect(await second.sessions.get(sessionId!)).toMatchObject({
      protocolVersion: '2025-11-25',
      clientInfo: { name: 'raw', version: '1.0.0' },
    });
  });

  it('a session that had been deleted stays gone, and one of HTTP+SSE ended with its connection', async () => {
    const { first, restart } = await started('v2');
    const client = await RawClient.open(first.url);
    await client.delete();
    const sse = await connectClient('v1', 'HTTP+SSE', first.origin);
    const second = await restart();
    expect(await refusal(client.post(callRequest(1, 'echo', { text: 'x' })))).toMatchObject({ status: 404 });
    const ids: string[] = [];
    for await (const id of second.sessions.list()) ids.push(id);
    await sse.close();
    expect(ids.filter((id) => first.events.some(({ sessionId }) => sessionId === id))).toEqual([]);
  });
});

describe('closing down', () => {
  it('lets running calls finish, refuses new ones with 503, and ends streams with a time to come back', async () => {
    const { first } = await started('v2', { shutdownGraceMs: 8_000 });
    const client = await RawClient.open(first.url);
    const main = await client.listen();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await first.scenario.control.started('a');
    const closing = first.close();
    await eventually('draining', () => first.status().status === 'down');

    for (const refused of [
      client.post(callRequest(2, 'echo', { text: 'x' })),
      client.get(),
      new RawClient(first.url).post({
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: {},
          clientInfo: { name: 'late', version: '1' },
        },
      }),
      fetch(`${first.url}/sse`, { headers: { accept: 'text/event-stream' } }),
    ]) {
      const { status, code, headers } = await refusal(refused);
      expect({ status, code }).toEqual({ status: 503, code: -32000 });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const progress = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    expect((await client.post(progress)).status).toBe(202);

    call.finish('in time');
    expect((await stream.rest()).at(-1)!.result.content[0].text).toBe('in time');
    await closing;
    expect(await main.ended).toBe(true);
    const { retry } = main.events.at(-1)!;
    expect(retry).toBeGreaterThanOrEqual(20);
    expect(retry).toBeLessThanOrEqual(2_020);
  });

  it('P3 lets a call that waits for an answer of the client finish', async () => {
    const { first } = await started('v2', { shutdownGraceMs: 8_000 });
    const client = await RawClient.open(first.url, { capabilities: { elicitation: {} } });
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await first.scenario.control.started('a');
    const asked = call.ask('Who are you?');
    const question = await stream.nextMessage();
    const closing = first.close();
    await eventually('draining', () => first.status().status === 'down');
    const answer = {
      jsonrpc: '2.0',
      id: question!.id,
      result: { action: 'accept', content: { name: 'Ada' } },
    };
    expect((await client.post(answer)).status).toBe(202);
    call.finish(await asked);
    expect((await stream.rest()).at(-1)!.result.content[0].text).toBe('Ada');
    await closing;
  });

  it('answers calls that do not finish in time with an error', async () => {
    const { first } = await started('v2', { shutdownGraceMs: 30 });
    const client = await RawClient.open(first.url);
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await first.scenario.control.started('a');
    await first.close();
    expect(await stream.rest()).toMatchObject([{ id: 1, error: { message: 'Connection closed' } }]);
    expect(call.signal.aborted).toBe(true);
  });
});
