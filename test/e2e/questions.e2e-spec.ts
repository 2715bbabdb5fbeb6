import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient } from '../support/raw-client.js';
import { createScenario, type ServerSdk } from '../support/scenario-server.js';
import type { RpcMessage } from '../support/sse-reader.js';
import { startApp } from '../support/start-app.js';

async function started(sdk: ServerSdk, options = {}) {
  const scenario = createScenario(sdk);
  const app = await startApp({ server: scenario.factory, ...options });
  const open = () => RawClient.open(app.url, { capabilities: { elicitation: {}, sampling: {} } });
  /** A call that has asked its client something. */
  const askedBy = async (client: RawClient, id: number, timeoutMs?: number) => {
    const stream = await client.stream(callRequest(id, 'controlled', { name: `${client.sessionId}${id}` }));
    const call = await scenario.control.started(`${client.sessionId}${id}`);
    const answer = call.ask('Who?', timeoutMs).catch((error: Error) => `failed: ${error.message}`);
    const question = (await stream.nextMessage())!;
    return { stream, call, answer, question };
  };
  return { ...app, scenario, open, askedBy };
}

const answerTo = (question: RpcMessage, name: string) => ({
  jsonrpc: '2.0',
  id: question.id,
  result: { action: 'accept', content: { name } },
});

describe.each(['v1', 'v2'] as const)('questions of a server %s', (sdk) => {
  it('P3 have ids that no two questions share: of sessions, and of server objects of one session', async () => {
    const { open, askedBy, status } = await started(sdk, { limits: { runtimes: 1 } });
    const [one, two] = [await open(), await open()];
    const ids = new Set<unknown>();
    for (let round = 1; round <= 2; round += 1) {
      const asked = await Promise.all([askedBy(one, round), askedBy(two, round)]);
      for (const { question, call, answer, stream } of asked) {
        ids.add(question.id);
        const client = asked[0]!.question === question ? one : two;
        expect((await client.post(answerTo(question, client.sessionId!))).status).toBe(202);
        expect(await answer).toBe(client.sessionId);
        call.finish('done');
        await stream.rest();
      }
      // A third session makes the limit drop the idle server objects of both.
      await (await open()).ask(callRequest(1, 'echo', { text: 'x' }));
      expect(status().runtimes).toBe(1);
    }
    expect(ids.size).toBe(4);
  });

  it('P3 are settled by one answer, of their own session', async () => {
    const { open, askedBy, logger } = await started(sdk);
    const [client, stranger] = [await open(), await open()];
    const { question, answer, call, stream } = await askedBy(client, 1);
    expect((await stranger.post(answerTo(question, 'Eve'))).status).toBe(202);
    expect((await client.post({ ...answerTo(question, 'Nobody'), id: 'made up' })).status).toBe(202);
    expect((await client.post({ ...answerTo(question, 'Nobody'), id: 0 })).status).toBe(202);
    expect((await client.post(answerTo(question, 'Ada'))).status).toBe(202);
    expect((await client.post(answerTo(question, 'Too late'))).status).toBe(202);
    expect(await answer).toBe('Ada');
    call.finish('done');
    expect(await stream.rest()).toHaveLength(1);
    expect(logger.errors).toEqual([]);
  });

  it('P3 end with their timeout: the client is told, and a late answer changes nothing', async () => {
    const { open, askedBy, logger } = await started(sdk);
    const client = await open();
    const { question, answer, call, stream } = await askedBy(client, 1, 50);
    expect(await answer).toMatch(/failed: .*timed out/i);
    const cancelled = (await stream.nextMessage())!;
    expect(cancelled).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: question.id },
    });
    expect((await client.post(answerTo(question, 'Late'))).status).toBe(202);
    const again = call.ask('And now?');
    const second = (await stream.nextMessage())!;
    expect(second.id).not.toBe(question.id);
    await client.post(answerTo(second, 'In time'));
    expect(await again).toBe('In time');
    call.finish('done');
    await stream.rest();
    expect(logger.errors).toEqual([]);
  });

  it('P3 fail when the client answers with an error', async () => {
    const { open, askedBy } = await started(sdk);
    const client = await open();
    const { question, answer } = await askedBy(client, 1);
    const refused = { jsonrpc: '2.0', id: question.id, error: { code: -32603, message: 'No user here' } };
    expect((await client.post(refused)).status).toBe(202);
    expect(await answer).toMatch(/No user here/);
  });

  it('P3 end when the session ends', async () => {
    const { open, askedBy } = await started(sdk);
    const client = await open();
    const { answer, stream } = await askedBy(client, 1);
    expect((await client.delete()).status).toBe(200);
    expect(await answer).toMatch(/closed/i);
    expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, error: {} });
  });

  it('P3 wait for a client that lost the connection, and are asked once', async () => {
    const { open, askedBy } = await started(sdk);
    const client = await open();
    const { question, answer, call, stream } = await askedBy(client, 1);
    const beforeQuestion = stream.events[0]!.id;
    await stream.close();
    const resumed = await client.listen(beforeQuestion);
    expect(await resumed.nextMessage()).toEqual(question);
    await client.post(answerTo(question, 'Ada'));
    expect(await answer).toBe('Ada');
    call.finish('done');
    expect(await resumed.rest()).toHaveLength(1);
  });

  it('tell the server of progress under the token that it chose', async () => {
    const { open } = await started(sdk);
    const client = await open();
    const main = await client.listen();
    const stream = await client.stream(callRequest(1, 'sample'));
    const question = await eventually('the question', () =>
      [...main.messages, ...stream.messages].find(({ method }) => method === 'sampling/createMessage'),
    );
    const { progressToken } = question.params._meta;
    expect(progressToken).toBe(question.id);
    for (const progress of [1, 2, 3]) {
      const params = { progressToken, progress };
      await client.post({ jsonrpc: '2.0', method: 'notifications/progress', params });
    }
    const result = { model: 'm', role: 'assistant', content: { type: 'text', text: 'Hi' } };
    await client.post({ jsonrpc: '2.0', id: question.id, result });
    const answer = (await stream.rest()).at(-1)!;
    expect(JSON.parse(answer.result.content[0].text)).toEqual({ said: 'Hi', progress: [1, 2, 3] });
  });
});

describe.each(['v1', 'v2'] as const)('a call that the client cancels, on a server %s', (sdk) => {
  const cancel = (requestId: string | number) => ({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId },
  });

  it('ends: its stream closes and its handler is told', async () => {
    const { open, scenario, status } = await started(sdk);
    const client = await open();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    expect((await client.post(cancel(1))).status).toBe(202);
    expect(await stream.rest()).toEqual([]);
    expect(await stream.ended).toBe(true);
    expect(call.signal.aborted).toBe(true);
    call.finish('too late');
    expect((await client.ask(callRequest(1, 'echo', { text: 'same id' }))).result.content[0].text).toBe(
      'same id',
    );
    expect(status().streams).toBe(0);
  });

  it('is not mixed up with requests of other sessions or other types of id', async () => {
    const { open, scenario } = await started(sdk);
    const [client, other] = [await open(), await open()];
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await other.post(cancel(1));
    await client.post(cancel('1'));
    await client.post(cancel(99));
    expect(call.signal.aborted).toBe(false);
    call.finish('done');
    expect((await stream.rest()).at(-1)!.result.content[0].text).toBe('done');
  });

  it('is not what a disconnect means', async () => {
    const { open, scenario, status } = await started(sdk);
    const client = await open();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await stream.close();
    await eventually('the disconnect', () => status().streams === 0);
    expect(call.signal.aborted).toBe(false);
    call.finish('done');
  });
});

describe('a request id', () => {
  it.each(['v1', 'v2'] as const)('may not be used again while in progress (server %s)', async (sdk) => {
    const { open, scenario, status } = await started(sdk);
    const client = await open();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    const again = await client.post(callRequest(1, 'echo', { text: 'x' }));
    expect(again.status).toBe(400);
    expect(await again.json()).toMatchObject({ error: { code: -32600 } });
    const asText = await client.ask(callRequest('1', 'echo', { text: 'another id' }));
    expect(asText.id).toBe('1');
    call.finish('done');
    expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
    expect(status().streams).toBe(0);
  });
});
