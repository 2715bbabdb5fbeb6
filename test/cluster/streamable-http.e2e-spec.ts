import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { callRequest, INITIALIZED, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { ServerSdk } from '../support/scenario-server.js';
import { startCluster } from '../support/start-cluster.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

const capabilities = { elicitation: {}, sampling: {} };

async function started(sdk: ServerSdk, options = {}) {
  const instances = await startCluster(redis.url, sdk, options);
  const [a, b, c] = instances as [(typeof instances)[0], (typeof instances)[0], (typeof instances)[0]];
  const onA = await RawClient.open(a.url, { capabilities });
  return { instances, a, b, c, onA, onB: b.serving(onA), onC: c.serving(onA) };
}

const cancel = (requestId: number) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
});

describe.each<ServerSdk>(['v1', 'v2'])('a session on three instances, SDK %s', (sdk) => {
  it('P1 is opened on one, called on another, and told of it all on a third', async () => {
    const { a, b, onB, onC } = await started(sdk);
    const main = await onC.listen();
    expect((await onB.ask(callRequest(1, 'echo', { text: 'x' }))).result.content[0].text).toBe('x');
    expect((await onB.ask(callRequest(2, 'whoami'))).result.content[0].text).toContain('"client":"raw"');
    for (const [index, instance] of [a, b].entries()) {
      await instance.sessions.notify(onC.sessionId!, { method: `notifications/to-one-${index}` });
      await instance.sessions.notifyAll({ method: `notifications/to-all-${index}` });
    }
    const methods = [];
    for (let count = 0; count < 4; count += 1) methods.push((await main.nextMessage())!.method);
    expect(methods).toEqual([
      'notifications/to-one-0',
      'notifications/to-all-0',
      'notifications/to-one-1',
      'notifications/to-all-1',
    ]);
    expect(await a.sessions.isConnected(onC.sessionId!)).toBe(true);
  });

  it('P2 a call that runs on one is resumed on another: replay, live tail, end', async () => {
    const { a, onA, onB, onC } = await started(sdk);
    const stream = await onA.stream(callRequest(1, 'controlled', { name: 'long' }));
    const call = await a.scenario.control.started('long');
    await call.say('one');
    await call.say('two');
    const [first] = [await stream.nextMessage(), await stream.nextMessage()];
    const behindFirst = stream.events.find(({ data }) => data && JSON.parse(data).params?.data === 'one')!.id;
    expect(first).toMatchObject({ params: { data: 'one' } });
    await stream.close();
    const resumed = await onB.listen(behindFirst);
    expect(await resumed.nextMessage()).toMatchObject({ params: { data: 'two' } });
    await call.say('three');
    expect(await resumed.nextMessage()).toMatchObject({ params: { data: 'three' } });
    await resumed.close();
    await call.say('four');
    const again = await onC.listen(resumed.lastEventId);
    expect(await again.nextMessage()).toMatchObject({ params: { data: 'four' } });
    call.finish('done');
    expect(await again.rest()).toMatchObject([{ id: 1, result: { content: [{ text: 'done' }] } }]);
    expect(await again.ended).toBe(true);
  });

  it('P3 an answer to a question finds the instance that asked', async () => {
    const { a, onA, onB, onC } = await started(sdk);
    const stream = await onA.stream(callRequest(1, 'controlled', { name: 'asking' }));
    const call = await a.scenario.control.started('asking');
    for (const elsewhere of [onB, onC, onA]) {
      const answer = call.ask('Who?');
      const question = (await stream.nextMessage())!;
      const result = { action: 'accept', content: { name: elsewhere.url } };
      expect((await elsewhere.post({ jsonrpc: '2.0', id: question.id, result })).status).toBe(202);
      expect(await answer).toBe(elsewhere.url);
      // Once more, everywhere: nothing comes of it.
      const late = { action: 'accept', content: { name: 'late' } };
      for (const client of [onA, onB, onC]) {
        expect((await client.post({ jsonrpc: '2.0', id: question.id, result: late })).status).toBe(202);
      }
    }
    call.finish('done');
    expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, result: { content: [{ text: 'done' }] } });
  });

  it('P3 an answer from another session settles nothing, wherever it lands', async () => {
    const { a, b, onA, onB } = await started(sdk);
    const stranger = await RawClient.open(b.url, { capabilities });
    const stream = await onA.stream(callRequest(1, 'controlled', { name: 'asking' }));
    const call = await a.scenario.control.started('asking');
    const answer = call.ask('Who?');
    const question = (await stream.nextMessage())!;
    const reply = (name: string) => ({
      jsonrpc: '2.0',
      id: question.id,
      result: { action: 'accept', content: { name } },
    });
    await stranger.post(reply('Eve'));
    await a.serving(stranger).post(reply('Eve'));
    await onB.post(reply('Ada'));
    expect(await answer).toBe('Ada');
    call.finish('done');
  });

  it('P3 two instances may ask the same client at once: each gets its own answer', async () => {
    const { a, b, onA, onB, onC } = await started(sdk);
    const streams = [
      await onA.stream(callRequest(1, 'controlled', { name: 'asking' })),
      await onB.stream(callRequest(2, 'controlled', { name: 'asking' })),
    ];
    const calls = [await a.scenario.control.started('asking'), await b.scenario.control.started('asking')];
    const answers = calls.map((call) => call.ask('Who?'));
    const questions = await Promise.all(streams.map((stream) => stream.nextMessage()));
    expect(questions[0]!.id).not.toBe(questions[1]!.id);
    for (const [index, question] of questions.entries()) {
      const result = { action: 'accept', content: { name: `answer ${index}` } };
      await onC.post({ jsonrpc: '2.0', id: question!.id, result });
    }
    expect(await Promise.all(answers)).toEqual(['answer 0', 'answer 1']);
    for (const call of calls) call.finish('done');
  });

  it('P1 a call is cancelled from another instance', async () => {
    const { a, onA, onB } = await started(sdk);
    const stream = await onA.stream(callRequest(1, 'controlled', { name: 'cancelled' }));
    const call = await a.scenario.control.started('cancelled');
    expect((await onB.post(cancel(1))).status).toBe(202);
    expect(await stream.rest()).toEqual([]);
    expect(call.signal.aborted).toBe(true);
    call.finish('too late');
  });

  it('P1 progress on a question reaches the instance that asked', async () => {
    const { onA, onB, onC } = await started(sdk);
    const main = await onC.listen();
    const stream = await onA.stream(callRequest(1, 'sample'));
    const question = await eventually('the question', () =>
      [...main.messages, ...stream.messages].find(({ method }) => method === 'sampling/createMessage'),
    );
    for (const [index, client] of [onB, onC, onA].entries()) {
      const params = { progressToken: question.params._meta.progressToken, progress: index + 1 };
      expect((await client.post({ jsonrpc: '2.0', method: 'notifications/progress', params })).status).toBe(
        202,
      );
    }
    // Messages between instances are not ordered with what one of them receives itself.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const result = { model: 'm', role: 'assistant', content: { type: 'text', text: 'Hi' } };
    await onB.post({ jsonrpc: '2.0', id: question.id, result });
    const answer = JSON.parse((await stream.rest()).at(-1)!.result.content[0].text);
    expect(answer.said).toBe('Hi');
    expect(answer.progress.sort()).toEqual([1, 2, 3]);
  });

  it('P1 a log level set on one is in force where a call is running', async () => {
    const { a, onA, onB, onC } = await started(sdk);
    const logged = async (id: number): Promise<number> => {
      const main = await onC.listen();
      await onA.ask(callRequest(id, 'log'));
      await a.sessions.notify(onA.sessionId!, { method: 'notifications/marker' });
      for (let count = 0; ; count += 1) {
        if ((await main.nextMessage())!.method === 'notifications/marker') {
          await main.close();
          return count;
        }
      }
    };
    expect(await logged(1)).toBe(3);
    const level = { jsonrpc: '2.0', id: 2, method: 'logging/setLevel', params: { level: 'error' } };
    await onB.ask(level);
    expect(await logged(3)).toBe(1);
  });

  it('P1 a subscription made on one is known to all, and undone for all', async () => {
    const { a, b, c, onA, onB, onC } = await started(sdk);
    const main = await onC.listen();
    const uri = 'note://one';
    await a.sessions.notifyResourceUpdated(uri); // each instance has read what there was before
    await b.sessions.notifyResourceUpdated(uri);
    await c.sessions.notifyResourceUpdated(uri);
    await onB.ask({ jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri } } as {
      id: number;
    });
    for (const instance of [a, b, c]) {
      await eventually('the subscription', async () => {
        await instance.sessions.notifyResourceUpdated(uri);
        return main.messages.some(({ method }) => method === 'notifications/resources/updated');
      });
    }
    expect((await onA.ask(callRequest(2, 'whoami'))).result.content[0].text).toContain(uri);
    await onC.ask({ jsonrpc: '2.0', id: 3, method: 'resources/unsubscribe', params: { uri } } as {
      id: number;
    });
    expect((await onA.ask(callRequest(4, 'whoami'))).result.content[0].text).not.toContain(uri);
  });

  it('P1 is 404 on all at once when it is deleted on one, and everything of it ends everywhere', async () => {
    const { instances, a, b, c, onA, onB, onC } = await started(sdk);
    const main = await onC.listen();
    const stream = await onB.stream(callRequest(1, 'controlled', { name: 'running' }));
    const call = await b.scenario.control.started('running');
    expect((await onA.delete()).status).toBe(200);
    for (const client of [onA, onB, onC]) {
      expect((await client.post(callRequest(2, 'echo', { text: 'x' }))).status).toBe(404);
      expect((await client.get()).status).toBe(404);
    }
    await Promise.all([main.ended, stream.ended]);
    await eventually('the call is told', () => call.signal.aborted);
    for (const { status } of instances) {
      await eventually('nothing is left', () => status().sessions === 0 && status().streams === 0);
      expect(status().runtimes).toBe(0);
    }
    expect([a, b, c].map(({ events }) => events.at(-1)?.type)).toContain('ended');
  });

  it('P7 is not found for another principal, on any instance', async () => {
    const principal = (request: { headers: Record<string, unknown> }) => request.headers['x-user'] as string;
    const instances = await startCluster(redis.url, sdk, { principal });
    const ada = await RawClient.open(instances[0]!.url, { headers: { 'x-user': 'ada' } });
    const main = await instances[1]!.serving(ada).listen();
    await instances[0]!.sessions.notify(ada.sessionId!, { method: 'notifications/secret' });
    await main.nextMessage();
    for (const { serving } of instances) {
      const headers = { 'x-user': 'eve' };
      const eve = serving(ada);
      expect((await eve.post(callRequest(1, 'echo', { text: 'x' }), headers)).status).toBe(404);
      expect((await eve.get({ ...headers, 'last-event-id': main.lastEventId })).status).toBe(404);
      expect((await eve.delete(headers)).status).toBe(404);
      expect((await eve.post(INITIALIZED, headers)).status).toBe(404);
    }
  });

  it('P1 concurrent requests on an instance that has not seen it share one server object', async () => {
    const { b, onB } = await started(sdk);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, id) => onB.ask(callRequest(id, 'echo', { text: `${id}` }))),
    );
    expect(answers.map(({ result }) => result.content[0].text)).toEqual(
      Array.from({ length: 10 }, (_, id) => `${id}`),
    );
    expect(b.scenario.made).toBe(1);
  });

  it('P1 a server object that was dropped is not missed', async () => {
    const { b, onB, onC } = await started(sdk, { limits: { runtimes: 1 } });
    for (let id = 1; id <= 3; id += 1) {
      const other = await RawClient.open(b.url);
      await other.ask(callRequest(1, 'echo', { text: 'x' }));
      expect(b.status().runtimes).toBe(1);
      expect((await onB.ask(callRequest(id, 'echo', { text: 'y' }))).result.content[0].text).toBe('y');
      expect((await onC.ask(callRequest(id, 'echo', { text: 'z' }))).result.content[0].text).toBe('z');
    }
  });
});
