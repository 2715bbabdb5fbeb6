import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { McpSessionsOptions } from 'nestjs-mcp-sessions';
import { parseSse } from '../../libs/mcp-sessions/src/testing/sse-parser.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { callRequest, initializeRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

async function started(options: McpSessionsOptions) {
  const scenario = createScenario('v2');
  const principal: McpSessionsOptions['principal'] = (request) =>
    request.headers['x-user'] as string | undefined;
  return { ...(await startApp({ server: scenario.factory, principal, ...options })), scenario };
}

const echo = (id = 1, text = 'x') => callRequest(id, 'echo', { text });

async function expectBusy(status: 429 | 503, response: Promise<Response>) {
  const refused = await refusal(response);
  expect(refused).toMatchObject({ status, code: -32000 });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
}

describe('P4 the number', () => {
  it('of sessions is limited, until one ends', async () => {
    const { url } = await started({ limits: { sessions: 2 } });
    const [client] = [await RawClient.open(url), await RawClient.open(url)];
    await expectBusy(503, new RawClient(url).post(initializeRequest()));
    await expectBusy(503, new RawClient(`${url}/sse`).get());
    expect((await client.ask(echo())).result).toBeDefined();
    await client.delete();
    await RawClient.open(url);
  });

  it('of a principal’s sessions is limited, and costs others nothing', async () => {
    const { url } = await started({ limits: { sessionsPerPrincipal: 2 } });
    const [client] = [
      await RawClient.open(url, { headers: { 'x-user': 'ada' } }),
      await RawClient.open(url, { headers: { 'x-user': 'ada' } }),
    ];
    await expectBusy(429, new RawClient(url, { 'x-user': 'ada' }).post(initializeRequest()));
    await expectBusy(429, new RawClient(`${url}/sse`, { 'x-user': 'ada' }).get());
    await RawClient.open(url, { headers: { 'x-user': 'eve' } });
    await RawClient.open(url);
    await client.delete();
    await RawClient.open(url, { headers: { 'x-user': 'ada' } });
  });

  it.each([
    ['sessions', { sessions: 3 }],
    ['a principal’s sessions', { sessionsPerPrincipal: 3 }],
  ])('of %s is limited also when they are opened at once', async (_, limits) => {
    // As with a store or a server that takes its time.
    const server: McpSessionsOptions['server'] = async (context) => {
      await delay(20);
      return createScenario('v2').factory(context);
    };
    const { url, status } = await started({ limits, server });
    const attempts = Array.from({ length: 12 }, () =>
      new RawClient(url, { 'x-user': 'ada' }).post(initializeRequest()),
    );
    const statuses = (await Promise.all(attempts)).map((response) => response.status);
    expect(statuses.filter((code) => code === 200)).toHaveLength(3);
    expect(status().sessions).toBe(3);
  });

  it('of streams is limited, until one ends', async () => {
    const { url, status } = await started({ limits: { streams: 2 } });
    const clients = [await RawClient.open(url), await RawClient.open(url), await RawClient.open(url)];
    const [first] = [await clients[0]!.listen(), await clients[1]!.listen()];
    await expectBusy(503, clients[2]!.get());
    await expectBusy(503, clients[2]!.post(echo()));
    await first.close();
    await eventually('the end', () => status().streams === 1);
    expect((await clients[2]!.ask(echo())).result).toBeDefined();
  });

  it('of a session’s streams is limited, and costs others nothing', async () => {
    const { url, scenario } = await started({ limits: { streamsPerSession: 2 } });
    const [client, other] = [await RawClient.open(url), await RawClient.open(url)];
    await client.listen();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await expectBusy(429, client.post(echo(2)));
    expect((await other.ask(echo())).result).toBeDefined();
    call.finish('done');
    await stream.rest();
    expect((await client.ask(echo(2))).result).toBeDefined();
  });

  it('of server objects is limited: idle ones go, oldest first, unnoticed by their clients', async () => {
    const { url, status, scenario } = await started({ limits: { runtimes: 2 } });
    const busy = await RawClient.open(url);
    const stream = await busy.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    const clients: RawClient[] = [];
    for (let count = 0; count < 5; count += 1) clients.push(await RawClient.open(url));
    expect(status()).toMatchObject({ sessions: 6, runtimes: 2 });
    for (const client of [...clients, ...clients]) expect((await client.ask(echo())).result).toBeDefined();
    expect(status().runtimes).toBe(2);
    expect(call.signal.aborted).toBe(false);
    call.finish('done');
    expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
  });
});

describe('P4 a slow reader', () => {
  /** A GET stream whose client reads nothing for now. */
  async function deafListener(url: string, sessionId: string) {
    const headers = { accept: 'text/event-stream', 'mcp-session-id': sessionId };
    const request = get(url, { headers });
    cleanUpLater(() => request.destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    /** What the operating system has kept for it, up to the end. */
    const rest = async () => {
      let text = '';
      try {
        for await (const chunk of response) text += String(chunk);
      } catch {
        // The connection breaks off; what came before is what counts.
      }
      return parseSse(text);
    };
    return { rest };
  }

  it('is cut off, resumes without loss, and does not hold others back', async () => {
    const { url, sessions, status } = await started({ maxBufferedBytes: 64 * 1024 });
    const [slow, quick] = [await RawClient.open(url), await RawClient.open(url)];
    const deaf = await deafListener(url, slow.sessionId!);
    const reader = await quick.listen();
    const padding = 'x'.repeat(64 * 1024);
    let sent = 0;
    // The operating system takes some megabytes before anything waits in this process.
    while (status().streams === 2) {
      sent += 1;
      await sessions.notifyAll({
        method: 'notifications/message',
        params: { level: 'info', data: { sent, padding } },
      });
      await eventually('the quick reader', () => reader.messages.length === sent);
      expect(sent).toBeLessThan(1_000);
    }
    expect(await sessions.isConnected(slow.sessionId!)).toBe(false);
    expect(reader.messages.map(({ params }) => params.data.sent)).toEqual(
      Array.from({ length: sent }, (_, index) => index + 1),
    );
    const read = await deaf.rest();
    const messages = read.events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data));
    const numbers = messages.map(({ params }) => params.data.sent as number);
    let after: string | undefined = read.lastEventId;
    while (numbers.length < sent) {
      const resumed = await slow.listen(after);
      await eventually('more', () => resumed.messages.length > 0);
      await Promise.race([
        resumed.ended,
        eventually('all', () => numbers.length + resumed.messages.length >= sent),
      ]);
      numbers.push(...resumed.messages.map(({ params }) => params.data.sent as number));
      expect(resumed.comments).toEqual([]);
      after = resumed.lastEventId;
    }
    expect(numbers).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  });

  it('P2 of large messages gets all of them', async () => {
    const { url, sessions } = await started({ maxBufferedBytes: 10_000 });
    const client = await RawClient.open(url);
    const padding = 'x'.repeat(50_000);
    let after: string | undefined;
    const numbers: number[] = [];
    let stream = await client.listen();
    for (let number = 1; number <= 6; number += 1) {
      void sessions.notify(client.sessionId!, {
        method: 'notifications/message',
        params: { level: 'info', data: { number, padding } },
      });
    }
    for (let attempt = 0; numbers.length < 6 && attempt < 20; attempt += 1) {
      await Promise.race([
        stream.ended,
        eventually('all', () => numbers.length + stream.messages.length >= 6),
      ]);
      numbers.push(...stream.messages.map(({ params }) => params.data.number as number));
      after = stream.lastEventId ?? after;
      if (numbers.length < 6) stream = await client.listen(after);
    }
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
