import { describe, expect, it } from '@jest/globals';
import { callRequest, initializeRequest, INITIALIZED, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import type { RpcMessage } from '../support/sse-reader.js';
import { startApp } from '../support/start-app.js';

const echo = (id: string | number) => callRequest(id, 'echo', { text: `echo ${id}` });
const said = (messages: RpcMessage[]) =>
  messages.map(({ id, result }): [unknown, string] => [id, result.content[0].text]);

async function started(responseMode: 'sse' | 'json', options = {}) {
  const scenario = createScenario('v2');
  const app = await startApp({ server: scenario.factory, responseMode, ...options });
  return { ...app, scenario, client: await RawClient.open(app.url, { version: '2025-03-26' }) };
}

describe('a batch of revision 2025-03-26', () => {
  it('is answered on one stream, which ends behind the last answer', async () => {
    const { client, scenario } = await started('sse');
    const stream = await client.stream([
      callRequest(1, 'controlled', { name: 'a' }),
      { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
      echo('two'),
      { jsonrpc: '2.0', id: 'nobody asked', result: {} },
    ]);
    expect(said([(await stream.nextMessage())!])).toEqual([['two', 'echo two']]);
    const call = await scenario.control.started('a');
    await call.say('meanwhile');
    expect(await stream.nextMessage()).toMatchObject({ params: { data: 'meanwhile' } });
    call.finish('one');
    expect(said(await stream.rest())).toEqual([[1, 'one']]);
  });

  it('is answered with one array as JSON', async () => {
    const { client } = await started('json');
    const response = await client.post([echo(1), INITIALIZED, echo('two')]);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const answers = (await response.json()) as RpcMessage[];
    expect(new Map(said(answers))).toEqual(
      new Map<unknown, string>([
        [1, 'echo 1'],
        ['two', 'echo two'],
      ]),
    );
    const single = (await (await client.post([echo(3)])).json()) as RpcMessage[];
    expect(said(single)).toEqual([[3, 'echo 3']]);
  });

  it('of notifications and answers only is answered 202', async () => {
    const { client } = await started('sse');
    const response = await client.post([INITIALIZED, { jsonrpc: '2.0', id: 1, result: {} }]);
    expect(response.status).toBe(202);
    expect(await response.text()).toBe('');
  });

  it('goes on when one of its requests is cancelled', async () => {
    const { client, scenario } = await started('sse');
    const stream = await client.stream([
      callRequest(1, 'controlled', { name: 'a' }),
      callRequest(2, 'controlled', { name: 'b' }),
    ]);
    await scenario.control.started('a');
    const other = await scenario.control.started('b');
    await client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    other.finish('two');
    expect(said(await stream.rest())).toEqual([[2, 'two']]);
  });

  it.each<[string, unknown[]]>([
    ['initialize in it', [initializeRequest('2025-03-26')]],
    ['an id used twice', [echo(1), echo(1)]],
    ['nothing in it', []],
    ['more than the limit', [echo(1), echo(2), echo(3), echo(4)]],
  ])('is refused with %s', async (_, batch) => {
    const { client, status } = await started('sse', { limits: { batch: 3 } });
    expect(await refusal(client.post(batch))).toMatchObject({ status: 400, code: -32600 });
    expect(status()).toMatchObject({ streams: 0, sessions: 1 });
  });

  it('is refused whole when one of its ids is in progress', async () => {
    const { client, scenario } = await started('sse');
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    const batch = [callRequest(2, 'controlled', { name: 'b' }), echo(1)];
    expect(await refusal(client.post(batch))).toMatchObject({ status: 400, code: -32600 });
    // Had the first been taken, its answer would have nowhere to go, and its id would be in use.
    const again = await client.stream(callRequest(2, 'controlled', { name: 'c' }));
    (await scenario.control.started('c')).finish('two');
    expect(said(await again.rest())).toEqual([[2, 'two']]);
    call.finish('one');
    expect(said(await stream.rest())).toEqual([[1, 'one']]);
  });

  it.each(['2025-06-18', '2025-11-25'])('does not exist in %s', async (version) => {
    const { url } = await started('sse');
    const client = await RawClient.open(url, { version });
    expect(await refusal(client.post([echo(1)]))).toMatchObject({ status: 400, code: -32600 });
  });

  it('with initialize opens no session', async () => {
    const { url, status } = await started('sse');
    const response = new RawClient(url).post([initializeRequest('2025-03-26'), echo(1)]);
    expect((await refusal(response)).status).toBe(400);
    expect(status().sessions).toBe(1);
  });
});

describe('answers as JSON', () => {
  it('come in one body, and what belongs to the request goes to the main stream', async () => {
    const { url, scenario } = await started('json');
    const client = await RawClient.open(url);
    const main = await client.listen();
    const answer = client.post(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await call.say('meanwhile');
    expect(await main.nextMessage()).toMatchObject({ params: { data: 'meanwhile' } });
    call.finish('done');
    const response = await answer;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: 1, result: {} });
  });

  it('end without a body when the client cancels the request', async () => {
    const { client, scenario } = await started('json');
    const answer = client.post(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    expect((await answer).status).toBe(202);
    expect(call.signal.aborted).toBe(true);
  });

  it('are an error when the session ends', async () => {
    const { client, scenario } = await started('json');
    const answer = client.post(callRequest(1, 'controlled', { name: 'a' }));
    await scenario.control.started('a');
    await client.delete();
    expect(await (await answer).json()).toMatchObject({ id: 1, error: { message: 'Connection closed' } });
  });
});
