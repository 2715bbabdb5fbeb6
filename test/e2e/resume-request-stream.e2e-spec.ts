import { describe, expect, it } from '@jest/globals';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { RequestLog } from '../support/request-log.js';
import { createScenario, type ServerSdk } from '../support/scenario-server.js';
import type { RpcMessage } from '../support/sse-reader.js';
import { startApp } from '../support/start-app.js';
import { connectClient } from '../support/test-client.js';

async function started(sdk: ServerSdk = 'v2') {
  const scenario = createScenario(sdk);
  const log = new RequestLog();
  const app = await startApp({ server: scenario.factory }, { prepare: log.prepare });
  return { ...app, control: scenario.control, log };
}

const said = (messages: RpcMessage[]): unknown[] =>
  messages.map(
    (message) => message.params?.data ?? message.result?.content[0].text ?? message.error?.message,
  );

describe('the stream of a request', () => {
  it('P2 goes on behind the last event that the client has seen, in order and once', async () => {
    const { url, control } = await started();
    const client = await RawClient.open(url);
    const first = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await control.started('a');
    await call.say('one');
    await call.say('two');
    expect(said([(await first.nextMessage())!, (await first.nextMessage())!])).toEqual(['one', 'two']);
    const afterTwo = first.lastEventId!;
    await first.close();
    await call.say('three');

    const second = await client.listen(afterTwo);
    expect(said([(await second.nextMessage())!])).toEqual(['three']);
    await call.say('four');
    call.finish('done');
    expect(said(await second.rest())).toEqual(['four', 'done']);
    expect(await second.ended).toBe(true);
  });

  it('P2 replays from any event, also after the call has ended, as often as asked', async () => {
    const { url, control } = await started();
    const client = await RawClient.open(url);
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await control.started('a');
    for (const word of ['one', 'two', 'three']) await call.say(word);
    call.finish('done');
    const all = ['one', 'two', 'three', 'done'];
    expect(said(await stream.rest())).toEqual(all);
    const ids = stream.events.map((event) => event.id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [index, id] of ids.entries()) {
      const resumed = await client.get({ 'last-event-id': id });
      if (index === ids.length - 1) await resumed.body?.cancel();
      else {
        const replay = await client.listen(id);
        expect(said(await replay.rest())).toEqual(all.slice(index));
      }
    }
  });

  it('P2 is told from other streams of the session, which go on meanwhile', async () => {
    const { url, control, sessions } = await started();
    const client = await RawClient.open(url);
    const main = await client.listen();
    const streamA = await client.stream(callRequest('a', 'controlled', { name: 'a' }));
    const streamB = await client.stream(callRequest('b', 'controlled', { name: 'b' }));
    const callA = await control.started('a');
    const callB = await control.started('b');
    await callA.say('a1');
    await callB.say('b1');
    await streamA.nextMessage();
    await streamB.nextMessage();
    const afterA = streamA.lastEventId!;
    await streamA.close();
    await callA.say('a2');
    await callB.say('b2');
    await sessions.notifyAll({ method: 'notifications/tools/list_changed' });
    const resumedA = await client.listen(afterA);
    callB.finish('b3');
    callA.finish('a3');
    expect(said(await resumedA.rest())).toEqual(['a2', 'a3']);
    expect(said(await streamB.rest())).toEqual(['b2', 'b3']);
    expect((await main.nextMessage())!.method).toBe('notifications/tools/list_changed');
    expect(main.messages).toHaveLength(1);
  });

  it('is taken over by a second resume while the first still reads', async () => {
    const { url, control } = await started();
    const client = await RawClient.open(url);
    const original = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await control.started('a');
    await call.say('one');
    await original.nextMessage();
    const resumed = await client.listen(original.lastEventId);
    expect(await original.rest()).toEqual([]);
    expect(await original.ended).toBe(true);
    call.finish('done');
    expect(said(await resumed.rest())).toEqual(['done']);
  });

  it('survives that the client leaves before the first event, since it opens with an id', async () => {
    const { url, control } = await started();
    const client = await RawClient.open(url);
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const priming = await stream.next();
    expect(priming).toEqual({ id: expect.any(String), data: '', retry: 20, comments: [] });
    const call = await control.started('a');
    await stream.close();
    call.finish('done');
    const resumed = await client.listen(priming!.id);
    expect(said(await resumed.rest())).toEqual(['done']);
    expect(call.signal.aborted).toBe(false);
  });

  it.each(['2025-03-26', '2025-06-18'])('has no event without data for a client of %s', async (version) => {
    const { url, control } = await started();
    const client = await RawClient.open(url, { version });
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await control.started('a');
    expect(call.closeConnection).toBeUndefined();
    await call.say('one');
    call.finish('done');
    await stream.rest();
    expect(stream.events.every((event) => event.data)).toBe(true);
    expect(stream.events.every((event) => event.id)).toBe(true);
    const main = await client.listen();
    expect(main.events).toEqual([]);
  });

  it('refuses a Last-Event-ID that is malformed, made up, or of another session', async () => {
    const { url } = await started();
    const [client, other] = [await RawClient.open(url), await RawClient.open(url)];
    const foreign = await other.stream(callRequest(1, 'echo', { text: 'secret' }));
    await foreign.rest();
    const own = await client.stream(callRequest(1, 'echo', { text: 'own' }));
    await own.rest();
    const beyond = own.lastEventId!.replace(/[^.]+\.[^.]+$/, 'zzz.0');
    for (const id of ['x', '*', '0', foreign.lastEventId!, beyond, '__proto__', `${own.lastEventId}x.y`]) {
      expect(await refusal(client.get({ 'last-event-id': id }))).toMatchObject({ status: 400, code: -32000 });
    }
  });
});

describe.each(['v1', 'v2'] as const)('client %s behind a connection that breaks', (sdk) => {
  it('P2 gets the answer when the connection is cut in the middle of an event', async () => {
    const { port, control } = await started(sdk);
    const proxy = await CuttingProxy.before(port);
    const client = await connectClient(sdk, 'Streamable HTTP', proxy.origin);
    const result = client.call('controlled', { name: 'a' });
    const call = await control.started('a');
    await call.say('before');
    await eventually('the first message', () => client.logs.length === 1);
    const cut = proxy.cutWithin('in the middle');
    await call.say('in the middle');
    await cut;
    await call.say('after');
    call.finish('done');
    expect(await result).toBe('done');
    expect(client.logs).toEqual(['before', 'in the middle', 'after']);
  });

  it('P2 gets the answer of a call that ended while the client was away', async () => {
    const { port, control } = await started(sdk);
    const proxy = await CuttingProxy.before(port);
    const client = await connectClient(sdk, 'Streamable HTTP', proxy.origin);
    const results = ['a', 'b'].map((name) => client.call('controlled', { name }));
    const calls = [await control.started('a'), await control.started('b')];
    for (const [index, call] of calls.entries()) await call.say(`before ${index}`);
    await eventually('the first messages', () => client.logs.length === 2);
    proxy.cut();
    for (const [index, call] of calls.entries()) {
      await call.say(`after ${index}`);
      call.finish(`done ${index}`);
    }
    expect(await Promise.all(results)).toEqual(['done 0', 'done 1']);
    expect(client.logs).toHaveLength(4);
    expect(new Set(client.logs)).toEqual(new Set(['after 0', 'after 1', 'before 0', 'before 1']));
  });

  it('P2 polls: the server ends the connection, the client comes back for the answer', async () => {
    const { origin, control, log } = await started(sdk);
    const client = await connectClient(sdk, 'Streamable HTTP', origin);
    const result = client.call('controlled', { name: 'a' });
    const call = await control.started('a');
    await call.say('before');
    call.closeConnection!();
    await call.say('after');
    await eventually('the client to be back', () => log.resumes.length > 0);
    call.closeConnection!();
    await eventually('the client to be back again', () => log.resumes.length > 1);
    call.finish('done');
    expect(await result).toBe('done');
    expect(client.logs).toEqual(['before', 'after']);
  });

  it.each([
    ['an error', (client: Awaited<ReturnType<typeof connectClient>>) => client.read('note://nowhere')],
    [
      'nothing, since the client cancelled it',
      async (client: Awaited<ReturnType<typeof connectClient>>) => {
        const abort = new AbortController();
        const call = client.call('controlled', { name: 'a' }, { signal: abort.signal });
        setImmediate(() => abort.abort('enough'));
        await call;
      },
    ],
  ])('does not come back for ever for a request answered with %s', async (_, request) => {
    const { origin, log, sessions, events } = await started(sdk);
    const client = await connectClient(sdk, 'Streamable HTTP', origin);
    await eventually('the stream', () => sessions.isConnected(events[0]!.sessionId));
    cleanUpLater(() => client.close());
    const main = log.seen.find(({ method }) => method === 'GET')!;
    await expect(request(client)).rejects.toThrow(/not found|enough/i);
    // Each further call takes longer than the client waits before it comes back.
    for (let round = 0; round < 20; round += 1) await client.call('steps', { count: 1 });
    const comings = log.seen.filter(({ method }) => method === 'GET').length - 1;
    expect(comings).toBeLessThanOrEqual(2);
    expect(main.response.writableEnded).toBe(false);
  });
});
