import { describe, expect, it } from '@jest/globals';
import { InMemoryStreamManager } from 'nestjs-mcp-sessions';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';
import { connectClient } from '../support/test-client.js';

const change = (name: string) => ({ method: 'notifications/message', params: { level: 'info', data: name } });

async function started(streams = new InMemoryStreamManager()) {
  const scenario = createScenario('v2');
  const app = await startApp({ server: scenario.factory, stream: streams });
  const client = await RawClient.open(app.url);
  return { ...app, client, streams, sessionId: client.sessionId! };
}

const names = (messages: { params?: { data?: unknown } }[]): unknown[] =>
  messages.map((message) => message.params?.data);

describe('the main stream', () => {
  it('opens with headers that keep proxies from meddling, and with an id', async () => {
    const { client } = await started();
    const main = await client.listen();
    expect(Object.fromEntries(main.response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(await main.next()).toEqual({ id: expect.any(String), data: '', retry: 20, comments: [] });
  });

  it('P2 brings what was sent before the client first listened', async () => {
    const { client, sessions, sessionId } = await started();
    await sessions.notify(sessionId, change('one'));
    await sessions.notifyAll(change('to all'));
    await sessions.notify(sessionId, change('two'));
    const main = await client.listen();
    expect(
      names([(await main.nextMessage())!, (await main.nextMessage())!, (await main.nextMessage())!]),
    ).toEqual(['one', 'to all', 'two']);
  });

  it('P2 goes on behind the last event, broadcasts included, in order and once', async () => {
    const { client, sessions, sessionId } = await started();
    const first = await client.listen();
    await sessions.notify(sessionId, change('1'));
    await sessions.notifyAll(change('2'));
    await eventually('two messages', () => first.messages.length === 2);
    const lastSeen = first.lastEventId!;
    await first.close();
    await eventually('the end', async () => !(await sessions.isConnected(sessionId)));
    await sessions.notifyAll(change('3'));
    await sessions.notify(sessionId, change('4'));
    await sessions.notifyAll(change('5'));
    const second = await client.listen(lastSeen);
    await sessions.notify(sessionId, change('6'));
    await eventually('four messages', () => second.messages.length === 4);
    expect(names([...first.messages, ...second.messages])).toEqual(['1', '2', '3', '4', '5', '6']);
    const ids = [...first.events, ...second.events].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(second.comments).toEqual([]);
  });

  it('P2 resumes from its very first id', async () => {
    const { client, sessions, sessionId } = await started();
    const first = await client.listen();
    const priming = await first.next();
    await sessions.notify(sessionId, change('1'));
    await first.nextMessage();
    await first.close();
    const second = await client.listen(priming!.id);
    expect(names([(await second.nextMessage())!])).toEqual(['1']);
  });

  it('is taken over by the newest GET, and the older one ends', async () => {
    const { client, sessions, sessionId } = await started();
    const older = await client.listen();
    const newer = await client.listen();
    expect(await older.ended).toBe(true);
    await sessions.notify(sessionId, change('1'));
    expect(names([(await newer.nextMessage())!])).toEqual(['1']);
    expect(older.messages).toEqual([]);
  });

  it('P2 is taken over from a connection that is dead without anybody having noticed', async () => {
    const { port, client, sessions, sessionId } = await started();
    const proxy = await CuttingProxy.before(port);
    const sleeper = new RawClient(`${proxy.origin}/mcp`);
    sleeper.sessionId = sessionId;
    const dead = await sleeper.listen();
    const priming = await dead.next();
    proxy.halt();
    await dead.ended;
    await sessions.notify(sessionId, change('into the void'));
    expect(await sessions.isConnected(sessionId)).toBe(true);
    const alive = await client.listen(priming!.id);
    expect(names([(await alive.nextMessage())!])).toEqual(['into the void']);
  });

  it('refuses to be taken over for ever, and goes on for its holder', async () => {
    const { client, sessions, sessionId } = await started();
    let holder = await client.listen();
    for (let takeover = 0; takeover < 5; takeover += 1) holder = await client.listen();
    expect(await refusal(client.get())).toMatchObject({ status: 409, code: -32000 });
    await sessions.notify(sessionId, change('1'));
    expect(names([(await holder.nextMessage())!])).toEqual(['1']);
    await holder.close();
    await eventually('the end', async () => !(await sessions.isConnected(sessionId)));
    await client.listen(holder.lastEventId);
  });

  it('P2 says that events were lost when they are no longer kept, and counts it', async () => {
    const { client, sessions, sessionId, streams } = await started(
      new InMemoryStreamManager({ replay: { maxEvents: 2 } }),
    );
    const first = await client.listen();
    const priming = await first.next();
    await first.close();
    await eventually('the end', async () => !(await sessions.isConnected(sessionId)));
    for (const name of ['1', '2', '3']) await sessions.notify(sessionId, change(name));
    const second = await client.listen(priming!.id);
    expect(await second.next()).toMatchObject({ id: priming!.id, data: '' });
    expect((await second.next())!.comments).toEqual(['events-lost']);
    expect(names([(await second.nextMessage())!, (await second.nextMessage())!])).toEqual(['2', '3']);
    expect(streams.eventsLost).toBe(1);
  });

  it('keeps idle connections alive with a comment', async () => {
    const scenario = createScenario('v2');
    const { url } = await startApp({ server: scenario.factory, keepAliveMs: 20 });
    const client = await RawClient.open(url);
    const main = await client.listen();
    await eventually('two comments', () => main.comments.length >= 2);
    expect(new Set(main.comments)).toEqual(new Set(['keep-alive']));
  });

  it('carries no answers, and each message once', async () => {
    const { client, sessions } = await started();
    const main = await client.listen();
    await client.ask({ jsonrpc: '2.0', id: 7, method: 'ping' } as { id: number });
    await sessions.notifyAll(change('1'));
    expect(names([(await main.nextMessage())!])).toEqual(['1']);
    expect(main.messages).toHaveLength(1);
  });
});

describe.each(['v1', 'v2'] as const)('client %s whose main stream breaks', (sdk) => {
  it('P2 misses nothing', async () => {
    const { port, sessions, events } = await started();
    const proxy = await CuttingProxy.before(port);
    const client = await connectClient(sdk, 'Streamable HTTP', proxy.origin);
    const { sessionId } = events.at(-1)!;
    await eventually('the stream', () => sessions.isConnected(sessionId));
    // A client that has had no event yet cannot say behind which it wants to go on.
    const sent = ['first'];
    await sessions.notify(sessionId, change('first'));
    await eventually('the first message', () => client.logs.length === 1);
    for (let round = 0; round < 3; round += 1) {
      for (const part of ['before', 'while', 'after']) {
        if (part === 'while') proxy.cut();
        sent.push(`${part} ${round}`);
        const send =
          round % 2
            ? sessions.notifyAll(change(sent.at(-1)!))
            : sessions.notify(sessionId, change(sent.at(-1)!));
        await send;
      }
      await eventually('all messages', () => client.logs.length >= sent.length);
    }
    expect(client.logs).toEqual(sent);
  });
});
