import { describe, expect, it } from '@jest/globals';
import {
  InMemorySessionStore,
  InMemoryStreamManager,
  type McpServerLike,
  type McpSessionsOptions,
  type SessionMetadata,
  type StreamRef,
} from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { callRequest, initializeRequest, RawClient } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

const echo = callRequest(1, 'echo', { text: 'x' });

/** A store whose next update waits for the test. */
class LateStore extends InMemorySessionStore {
  private gate: Promise<void> | undefined;
  waiting = 0;

  hold(): () => void {
    let release!: () => void;
    this.gate = new Promise((resolve) => (release = resolve));
    cleanUpLater(release);
    return () => {
      this.gate = undefined;
      release();
    };
  }

  override async update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    if (this.gate) this.waiting += 1;
    await this.gate;
    return super.update(sessionId, patch);
  }
}

/** A stream manager that fails to take the next event with this text. */
class FailingStreams extends InMemoryStreamManager {
  failOn: string | undefined;
  failed = 0;
  positionFails = false;

  override async append(stream: StreamRef, data: string, options?: { last?: boolean }): Promise<string> {
    if (this.failOn !== undefined && data.includes(this.failOn)) {
      this.failOn = undefined;
      this.failed += 1;
      throw new Error('The event could not be taken');
    }
    return super.append(stream, data, options);
  }

  override async position(stream: StreamRef): Promise<string> {
    if (this.positionFails) throw new Error('There is no position');
    return super.position(stream);
  }
}

async function started(options: McpSessionsOptions = {}) {
  const scenario = createScenario('v2');
  const servers: McpServerLike[] = [];
  const server: McpSessionsOptions['server'] = async (context) => {
    servers.push(await scenario.factory(context));
    return servers.at(-1)!;
  };
  return { ...(await startApp({ server, ...options })), scenario, servers };
}

describe('an answer whose session state is being stored', () => {
  const setLevel = { jsonrpc: '2.0', id: 5, method: 'logging/setLevel', params: { level: 'error' } };
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } };

  it.each(['the client cancels', 'the application closes the server'])(
    'does not come on the main stream when %s meanwhile',
    async (by) => {
      const store = new LateStore();
      const { url, servers, sessions } = await started({ store });
      const client = await RawClient.open(url);
      const main = await client.listen();
      const release = store.hold();
      const stream = await client.stream(setLevel);
      await eventually('the update', () => store.waiting === 1);
      if (by === 'the client cancels') expect((await client.post(cancelled)).status).toBe(202);
      else await servers[0]!.close();
      expect(await stream.ended).toBe(true);
      release();
      expect((await client.ask(echo)).result).toBeDefined();
      for (const number of [1, 2]) {
        await sessions.notify(client.sessionId!, { method: 'notifications/marker', params: { number } });
        expect((await main.nextMessage())!.params).toEqual({ number });
        expect((await client.ask({ ...echo, id: number + 1 })).result).toBeDefined();
      }
      expect(main.messages.filter(({ method }) => method === undefined)).toEqual([]);
      expect(stream.messages.length).toBeLessThanOrEqual(1);
    },
  );
});

describe('a stream manager that fails once', () => {
  it('to take a question leaves the server object idle after the call', async () => {
    const stream = new FailingStreams();
    const { url, scenario, status } = await started({ stream, runtimeIdleMs: 20 });
    const client = await RawClient.open(url, { capabilities: { elicitation: {} } });
    const reader = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    stream.failOn = 'elicitation/create';
    const outcome = call.ask('Who?', 60_000).then(
      () => 'answered',
      () => 'failed',
    );
    expect(await within('the outcome', outcome)).toBe('failed');
    expect(stream.failed).toBe(1);
    call.finish('done');
    expect((await reader.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
    await eventually('the drop', () => status().runtimes === 0);
  });

  it('P2 to take an answer takes it later, on the same connection', async () => {
    const stream = new FailingStreams();
    const { url, scenario, status } = await started({ stream, runtimeIdleMs: 20 });
    const client = await RawClient.open(url);
    const reader = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    stream.failOn = 'the answer';
    call.finish('the answer');
    expect(await within('the answer', reader.rest())).toMatchObject([{ id: 1, result: {} }]);
    expect(stream.failed).toBe(1);
    await eventually('the drop', () => status().runtimes === 0);
    expect((await client.ask(echo)).result).toBeDefined();
  });
});

describe('an initialize that fails', () => {
  it.each(['Streamable HTTP', 'HTTP+SSE'])('leaves no session behind, over %s', async (wire) => {
    const store = new InMemorySessionStore();
    const stream = new FailingStreams();
    const { url, status, events } = await started({ store, stream });
    stream.positionFails = true;
    const answer =
      wire === 'HTTP+SSE'
        ? await new RawClient(`${url}/sse`).get()
        : await new RawClient(url).post(initializeRequest());
    expect([500, 503]).toContain(answer.status);
    expect(await store.keys()).toEqual([]);
    expect(status()).toMatchObject({ sessions: 0, streams: 0 });
    await eventually('the end', () => status().runtimes === 0);
    expect(events.filter(({ type }) => type === 'created')).toEqual([]);
  });
});
