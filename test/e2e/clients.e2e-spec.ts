import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startRoundRobinProxy } from '../../scripts/round-robin-proxy.mjs';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario, type Scenario, type ServerSdk } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';
import { startCluster } from '../support/start-cluster.js';
import { connectClient, type ClientSdk, type TestClientOptions, type Wire } from '../support/test-client.js';

type Place = 'one instance' | 'three instances';

const combinations = (['one instance', 'three instances'] as const).flatMap((place: Place) =>
  (['v1', 'v2'] as const).flatMap((serverSdk: ServerSdk) =>
    (['v1', 'v2'] as const).flatMap((clientSdk: ClientSdk) =>
      (['Streamable HTTP', 'HTTP+SSE'] as const).map((wire: Wire) => ({ place, serverSdk, clientSdk, wire })),
    ),
  ),
);

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

/** Three instances behind a proxy that sends each request to the next one. */
async function startBehindProxy(sdk: ServerSdk, scenario: Scenario) {
  const instances = await startCluster(redis.url, sdk, {}, () => scenario);
  const proxy = await startRoundRobinProxy(instances.map(({ origin }) => origin));
  cleanUpLater(() => proxy.close());
  const sessionIds = () => instances.flatMap(({ events }) => events.map(({ sessionId }) => sessionId));
  return {
    origin: proxy.origin,
    sessions: instances[0]!.sessions,
    sessionId: () => sessionIds()[0]!,
    errors: () => instances.flatMap(({ logger }) => logger.errors),
  };
}

async function startAlone(scenario: Scenario) {
  const { origin, sessions, events, logger } = await startApp({ server: scenario.factory });
  return { origin, sessions, sessionId: () => events[0]!.sessionId, errors: () => logger.errors };
}

describe.each(combinations)(
  'client $clientSdk over $wire on $place of a server $serverSdk',
  (combination) => {
    const { place, serverSdk, clientSdk, wire } = combination;

    async function connected(options: TestClientOptions = {}) {
      const scenario = createScenario(serverSdk);
      const started = await (place === 'one instance'
        ? startAlone(scenario)
        : startBehindProxy(serverSdk, scenario));
      const client = await connectClient(clientSdk, wire, started.origin, options);
      return { ...started, scenario, client };
    }

    it('calls tools, with the request at hand', async () => {
      const { client, scenario } = await connected({ headers: { 'x-test': 'here' } });
      expect(await client.call('echo', { text: 'hello' })).toBe('hello');
      expect(await client.read('note://one')).toBe('A note');
      expect(await client.complete('p')).toEqual(['python', 'perl']);
      expect(JSON.parse(await client.call('whoami'))).toEqual({
        client: `client-${clientSdk}`,
        capabilities: ['elicitation', 'roots', 'sampling'],
        subscriptions: [],
        header: 'here',
        auth: null,
      });
      expect(scenario.made).toBeLessThanOrEqual(place === 'one instance' ? 1 : 3);
    });

    it('reports progress in order', async () => {
      const { client } = await connected();
      const progress: number[] = [];
      expect(await client.call('steps', { count: 5 }, { onprogress: (step) => progress.push(step) })).toBe(
        'stepped',
      );
      expect(progress).toEqual([1, 2, 3, 4, 5]);
    });

    it('P3 asks the user, the model and for roots in the middle of calls', async () => {
      const { client } = await connected({ answer: () => 'Grace' });
      const [asked, sampled, roots] = await Promise.all([
        client.call('ask'),
        client.call('sample'),
        client.call('roots'),
      ]);
      expect(JSON.parse(asked)).toEqual({ action: 'accept', name: 'Grace' });
      expect(JSON.parse(sampled)).toEqual({ said: 'Hi', progress: [1, 2] });
      expect(JSON.parse(roots)).toEqual(['file:///home']);
    });

    it('logs at the level that the client asked for', async () => {
      const { client } = await connected();
      await client.setLevel('error');
      await client.call('log');
      await eventually('the log message', () => client.logs.includes('at error'));
      await client.setLevel('debug');
      await client.call('log');
      await eventually('all log messages', () => client.logs.length >= 4);
      expect(client.logs).toEqual(['at error', 'at debug', 'at info', 'at error']);
    });

    it('is notified: of resources it subscribed to, by name, and with all others', async () => {
      const { client, sessions, sessionId } = await connected();
      await client.subscribe('note://one');
      await eventually('the stream', () => sessions.isConnected(sessionId()));
      await sessions.notifyResourceUpdated('note://one');
      await sessions.notifyResourceUpdated('note://two');
      await sessions.notify(sessionId(), { method: 'notifications/tools/list_changed' });
      await sessions.notifyAll({ method: 'notifications/prompts/list_changed' });
      await eventually('the notifications', () => client.notifications.length >= 3);
      expect(client.notifications).toMatchObject([
        { method: 'notifications/resources/updated', params: { uri: 'note://one' } },
        { method: 'notifications/tools/list_changed' },
        { method: 'notifications/prompts/list_changed' },
      ]);
      await client.unsubscribe('note://one');
      await sessions.notifyResourceUpdated('note://one');
      await sessions.notifyAll({ method: 'notifications/prompts/list_changed' });
      await eventually('the last notification', () => client.notifications.length >= 4);
      expect(client.notifications.at(-1)!.method).toBe('notifications/prompts/list_changed');
    });

    it('P4 receives an answer that is much larger than the buffer limit', async () => {
      const { client } = await connected();
      const long = 'x'.repeat(3_000_000);
      expect((await client.call('echo', { text: long })).length).toBe(long.length);
    });

    it('says what went wrong, and nothing else', async () => {
      const { client, errors } = await connected();
      await expect(client.read('note://nowhere')).rejects.toThrow(/not found/i);
      expect(await client.call('echo', { text: 'still there' })).toBe('still there');
      expect(errors()).toEqual([]);
    });

    it('cancels a call', async () => {
      const { client, scenario } = await connected();
      const abort = new AbortController();
      const call = client.call('controlled', { name: 'a' }, { signal: abort.signal });
      call.catch(() => undefined);
      const running = await scenario.control.started('a');
      expect(running.signal.aborted).toBe(false);
      abort.abort('no longer wanted');
      await expect(call).rejects.toThrow('no longer wanted');
      await eventually('the abort signal', () => running.signal.aborted);
      expect(await client.call('echo', { text: 'next' })).toBe('next');
    });
  },
);

describe('client v2 that negotiates the protocol revision', () => {
  it('falls back to a session', async () => {
    const scenario = createScenario('v2');
    const { origin, status } = await startApp({ server: scenario.factory });
    const client = await connectClient('v2', 'Streamable HTTP', origin, { negotiate: true });
    expect(client.sessionId()).toMatch(/^[\x21-\x7e]+$/);
    expect(await client.call('echo', { text: 'hello' })).toBe('hello');
    expect(status().sessions).toBe(1);
  });
});
