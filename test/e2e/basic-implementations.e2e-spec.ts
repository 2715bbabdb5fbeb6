import { describe, expect, it } from '@jest/globals';
import type { SessionMetadata, SessionStore, StreamController, StreamManager } from 'nestjs-mcp-sessions';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp, type StartedApp } from '../support/start-app.js';
import { connectClient } from '../support/test-client.js';

/** The five methods that a store must have. */
class BasicStore implements SessionStore {
  readonly records = new Map<string, string>();
  async get(sessionId: string): Promise<SessionMetadata | null> {
    const record = this.records.get(sessionId);
    return record === undefined ? null : (JSON.parse(record) as SessionMetadata);
  }
  async set(sessionId: string, data: SessionMetadata): Promise<void> {
    this.records.set(sessionId, JSON.stringify(data));
  }
  async delete(sessionId: string): Promise<void> {
    this.records.delete(sessionId);
  }
  async has(sessionId: string): Promise<boolean> {
    return this.records.has(sessionId);
  }
  async keys(): Promise<string[]> {
    return [...this.records.keys()];
  }
}

/** The four methods that a stream manager must have. */
class BasicStreams implements StreamManager {
  private readonly controllers = new Map<string, StreamController>();
  async create(sessionId: string, controller: StreamController): Promise<void> {
    this.controllers.get(sessionId)?.close();
    this.controllers.set(sessionId, controller);
  }
  async send(sessionIds: string[] | undefined, data: string): Promise<void> {
    for (const sessionId of sessionIds ?? this.controllers.keys()) {
      try {
        this.controllers.get(sessionId)?.enqueue(new TextEncoder().encode(data));
      } catch {
        this.controllers.delete(sessionId);
      }
    }
  }
  async delete(sessionId: string): Promise<void> {
    const controller = this.controllers.get(sessionId);
    this.controllers.delete(sessionId);
    controller?.close();
  }
  async has(sessionId: string): Promise<boolean> {
    return this.controllers.has(sessionId);
  }
}

describe('a store with five methods and a stream manager with four', () => {
  const started = (options = {}): Promise<StartedApp & { store: BasicStore }> => {
    const store = new BasicStore();
    const server = createScenario('v2').factory;
    return startApp({ server, store, stream: new BasicStreams(), ...options }).then((app) => ({
      ...app,
      store,
    }));
  };

  it.each([
    ['v1', 'Streamable HTTP'],
    ['v1', 'HTTP+SSE'],
    ['v2', 'Streamable HTTP'],
    ['v2', 'HTTP+SSE'],
  ] as const)('serve client %s over %s', async (sdk, wire) => {
    const { origin, sessions, events, store, url } = await started({ runtimeIdleMs: 50 });
    const client = await connectClient(sdk, wire, origin, { answer: () => 'Grace' });
    const { sessionId } = events[0]!;
    await eventually('the stream', () => sessions.isConnected(sessionId));
    expect(await client.call('echo', { text: 'hello' })).toBe('hello');
    const progress: number[] = [];
    await client.call('steps', { count: 3 }, { onprogress: (step) => progress.push(step) });
    expect(progress).toEqual([1, 2, 3]);
    expect(JSON.parse(await client.call('ask'))).toEqual({ action: 'accept', name: 'Grace' });
    await client.setLevel('error');
    await client.subscribe('note://one');
    expect(await store.get(sessionId)).toMatchObject({ logLevel: 'error', subscriptions: ['note://one'] });
    await eventually('the drop of the server object', () => events.length > 0);
    await client.call('log');
    await sessions.notifyResourceUpdated('note://one');
    await sessions.notifyAll({ method: 'notifications/tools/list_changed' });
    await eventually('the notifications', () => client.notifications.length >= 3);
    expect(client.notifications.map(({ method }) => method)).toEqual([
      'notifications/message',
      'notifications/resources/updated',
      'notifications/tools/list_changed',
    ]);
    if (wire === 'Streamable HTTP') {
      await client.terminate();
      const gone = new RawClient(url, { 'mcp-session-id': sessionId });
      expect((await gone.post(callRequest(1, 'echo', { text: 'x' }))).status).toBe(404);
    } else {
      await client.close();
    }
    await eventually('the end', () => store.records.size === 0);
  });

  it('end sessions that are not used', async () => {
    const { url, store, events, status } = await started({ idleTimeoutMs: 1_000, cleanupIntervalMs: 20 });
    const client = await RawClient.open(url);
    await eventually('the expiry', () => store.records.size === 0);
    expect(events.at(-1)).toEqual({ type: 'expired', sessionId: client.sessionId });
    expect(status()).toMatchObject({ sessions: 0, runtimes: 0 });
    expect((await client.get()).status).toBe(404);
  });

  it('cannot resume: no event has an id, and any Last-Event-ID is refused', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    const stream = await client.stream(callRequest(1, 'echo', { text: 'x' }));
    await stream.rest();
    expect(stream.events.some(({ id }) => id !== undefined)).toBe(false);
    expect(await refusal(client.get({ 'last-event-id': 'x' }))).toMatchObject({ status: 400, code: -32000 });
  });

  it('let go of a main stream whose client hung up, and of an older one when a newer comes', async () => {
    const { url, sessions, status } = await started();
    const client = await RawClient.open(url);
    const first = await client.listen();
    const second = await client.listen();
    expect(await first.ended).toBe(true);
    expect(await sessions.isConnected(client.sessionId!)).toBe(true);
    await second.close();
    await eventually('the end', async () => !(await sessions.isConnected(client.sessionId!)));
    expect(status()).toMatchObject({ sessions: 1, streams: 0 });
  });
});
