import { describe, expect, it } from '@jest/globals';
import { InMemorySessionStore } from 'nestjs-mcp-sessions';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

async function started(options: Partial<Parameters<typeof startApp>[0]> = {}) {
  const scenario = createScenario('v2');
  const app = await startApp({ server: scenario.factory, ...options });
  return { ...app, scenario };
}

const echo = callRequest(1, 'echo', { text: 'x' });

async function expectGone(client: RawClient) {
  for (const response of [client.post(echo), client.get(), client.delete()]) {
    expect(await refusal(response)).toMatchObject({ status: 404, code: -32001 });
  }
}

describe('the end of a session', () => {
  it.each(['DELETE', 'the application'])(
    'P1 by %s is final: streams, calls and server object end with it',
    async (by) => {
      const { url, scenario, sessions, status, events } = await started();
      const client = await RawClient.open(url);
      const sessionId = client.sessionId!;
      const bystander = await RawClient.open(url);
      const otherMain = await bystander.listen();
      const main = await client.listen();
      const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
      const call = await scenario.control.started('a');
      await call.say('before');
      await stream.nextMessage();

      if (by === 'DELETE') expect((await client.delete()).status).toBe(200);
      else await sessions.end(sessionId);
      await expectGone(client);
      expect(await stream.rest()).toMatchObject([{ id: 1, error: { message: 'Connection closed' } }]);
      expect(await stream.ended).toBe(true);
      expect(await main.ended).toBe(true);
      expect(call.signal.aborted).toBe(true);
      expect((await client.get({ 'last-event-id': stream.lastEventId })).status).toBe(404);

      expect(status()).toMatchObject({ sessions: 1, runtimes: 1, streams: 1 });
      expect(await sessions.get(sessionId)).toBeNull();
      expect(events.filter((event) => event.sessionId === sessionId)).toEqual([
        { type: 'created', sessionId },
        { type: 'ended', sessionId },
      ]);
      await sessions.notifyAll({ method: 'notifications/tools/list_changed' });
      expect((await otherMain.nextMessage())!.method).toBe('notifications/tools/list_changed');
      await expect(sessions.notify(sessionId, { method: 'x' })).rejects.toThrow('1 session(s) not found');
    },
  );

  it('P1 leaves nothing behind when requests come at the same time', async () => {
    const { url, status, sessions } = await started();
    for (let round = 0; round < 30; round += 1) {
      const client = await RawClient.open(url);
      const answers = await Promise.all([
        client.post(echo),
        client.delete(),
        client.post({ ...echo, id: 2 }),
        client.delete(),
        client.get(),
      ]);
      for (const answer of answers) expect([200, 404]).toContain(answer.status);
      for (const answer of answers) await answer.body?.cancel();
      await expectGone(client);
      expect(await sessions.isConnected(client.sessionId!)).toBe(false);
    }
    await eventually('nothing left', () => status().runtimes === 0 && status().streams === 0);
    expect(status().sessions).toBe(0);
  });

  it('is not resurrected by a request that was on its way', async () => {
    // A store that answers `touch` late: the session is deleted between the look-up and the call.
    let release = (): void => undefined;
    let held: Promise<void> | undefined;
    let holding = 0;
    class LateStore extends InMemorySessionStore {
      override async touch(sessionId: string) {
        const metadata = await super.touch(sessionId);
        if (held) holding += 1;
        await held;
        return metadata;
      }
    }
    const { url, status, sessions } = await started({ store: new LateStore(), runtimeIdleMs: 60_000 });
    const client = await RawClient.open(url);
    held = new Promise((resolve) => (release = resolve));
    const onItsWay = client.post(echo);
    const listening = client.get();
    await eventually('both requests', () => holding === 2);
    await sessions.end(client.sessionId!);
    held = undefined;
    release();
    const answers = await Promise.all([onItsWay, listening]);
    expect(answers.map((answer) => answer.status)).toEqual([404, 404]);
    expect(status()).toMatchObject({ sessions: 0, runtimes: 0, streams: 0 });
    expect(await sessions.isConnected(client.sessionId!)).toBe(false);
  });

  it('comes by itself when the session is not used: everything of it is closed', async () => {
    const { url, status, sessions, events } = await started({ idleTimeoutMs: 800, cleanupIntervalMs: 20 });
    const client = await RawClient.open(url);
    await client.ask(echo);
    expect(status().runtimes).toBe(1);
    await eventually('the expiry', () => events.some(({ type }) => type === 'expired'));
    await eventually('the end', () => status().runtimes === 0);
    expect(status()).toMatchObject({ sessions: 0, streams: 0 });
    expect(events.at(-1)).toEqual({ type: 'expired', sessionId: client.sessionId });
    await expectGone(client);
    expect(await sessions.get(client.sessionId!)).toBeNull();
    expect(events).toHaveLength(2);
  });

  it.each([
    ['often', 20],
    ['as rarely as it does by default', 60_000],
  ])(
    'does not come while a client is connected, with a cleanup that runs %s',
    async (_, cleanupIntervalMs) => {
      const { url, sessions, status } = await started({ idleTimeoutMs: 800, cleanupIntervalMs });
      const client = await RawClient.open(url);
      const main = await client.listen();
      const since = Date.now();
      await eventually('three idle timeouts', () => Date.now() - since > 2_600);
      expect(status().sessions).toBe(1);
      await sessions.notify(client.sessionId!, { method: 'notifications/tools/list_changed' });
      expect((await main.nextMessage())!.method).toBe('notifications/tools/list_changed');
      expect((await client.ask(echo)).result).toBeDefined();
    },
  );

  it('does not come while a call is in progress, whose client is away', async () => {
    const { url, scenario } = await started({
      idleTimeoutMs: 800,
      cleanupIntervalMs: 20,
      responseMode: 'json',
    });
    const client = await RawClient.open(url);
    const answer = client.post(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    const since = Date.now();
    await eventually('three idle timeouts', () => Date.now() - since > 2_600);
    call.finish('done');
    expect(await (await answer).json()).toMatchObject({ id: 1, result: {} });
  });
});

describe('a server object', () => {
  it('is dropped when idle and made again, unnoticed by the client', async () => {
    const { url, scenario, status, events } = await started({ runtimeIdleMs: 30 });
    const client = await RawClient.open(url, { capabilities: { elicitation: {} } });
    await eventually('the drop', () => status().runtimes === 0);
    const main = await client.listen();
    const answer = await client.ask(callRequest(1, 'whoami'));
    expect(JSON.parse(answer.result.content[0].text)).toMatchObject({
      client: 'raw',
      capabilities: ['elicitation'],
    });
    expect(scenario.made).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(['created', 'resumed']);
    expect(main.messages).toEqual([]);
  });

  it('is never dropped while a call is in progress', async () => {
    const { url, scenario, status } = await started({ runtimeIdleMs: 20 });
    const client = await RawClient.open(url);
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await stream.close();
    const since = Date.now();
    await eventually('five idle times', () => Date.now() - since > 100);
    expect(status().runtimes).toBe(1);
    expect(call.signal.aborted).toBe(false);
    call.finish('done');
    const resumed = await client.listen(stream.lastEventId);
    expect((await resumed.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
    await eventually('the drop', () => status().runtimes === 0);
  });

  it('is made once for requests that come together', async () => {
    const { url, scenario, status } = await started({ runtimeIdleMs: 30 });
    const client = await RawClient.open(url);
    await eventually('the drop', () => status().runtimes === 0);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((id) => client.ask({ ...echo, id })));
    expect(answers.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(scenario.made).toBe(2);
  });

  it('that cannot be made fails the request, and the next one tries again', async () => {
    let broken = true;
    const scenario = createScenario('v2');
    const { url, logger, status } = await startApp({
      server: (context) => {
        if (broken) throw new Error('no server today');
        return scenario.factory(context);
      },
    });
    const client = new RawClient(url);
    const initialize = {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    };
    const failed = await refusal(client.post(initialize));
    expect(failed).toMatchObject({ status: 500, code: -32603 });
    expect(failed.message).not.toContain('no server today');
    expect(logger.errors.join('\n')).toContain('no server today');
    expect(status()).toMatchObject({ sessions: 0, runtimes: 0, streams: 0 });
    broken = false;
    expect((await client.post(initialize)).status).toBe(200);
  });

  it('that refuses initialize opens no session', async () => {
    const { url, status } = await started();
    const response = await new RawClient(url).post({
      jsonrpc: '2.0',
      id: 5,
      method: 'initialize',
      params: {},
    });
    expect(response.headers.get('mcp-session-id')).toBeNull();
    expect(await response.text()).toContain('"error"');
    expect(status()).toMatchObject({ sessions: 0, runtimes: 0, streams: 0 });
  });
});
