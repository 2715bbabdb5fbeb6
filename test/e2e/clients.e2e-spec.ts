import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { createScenario, type ServerSdk } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';
import { connectClient, type ClientSdk, type TestClientOptions, type Wire } from '../support/test-client.js';

const combinations = (['v1', 'v2'] as const).flatMap((serverSdk: ServerSdk) =>
  (['v1', 'v2'] as const).flatMap((clientSdk: ClientSdk) =>
    (['Streamable HTTP', 'HTTP+SSE'] as const).map((wire: Wire) => ({ serverSdk, clientSdk, wire })),
  ),
);

describe.each(combinations)('client $clientSdk over $wire on a server $serverSdk', (combination) => {
  const { serverSdk, clientSdk, wire } = combination;

  async function connected(options: TestClientOptions = {}) {
    const scenario = createScenario(serverSdk);
    const started = await startApp({ server: scenario.factory });
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
    expect(scenario.made).toBe(1);
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
    const { client, sessions, events } = await connected();
    await client.subscribe('note://one');
    const [created] = events;
    await eventually('the stream', () => sessions.isConnected(created!.sessionId));
    await sessions.notifyResourceUpdated('note://one');
    await sessions.notifyResourceUpdated('note://two');
    await sessions.notify(created!.sessionId, { method: 'notifications/tools/list_changed' });
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
    const { client, logger, status } = await connected();
    await expect(client.read('note://nowhere')).rejects.toThrow(/not found/i);
    expect(await client.call('echo', { text: 'still there' })).toBe('still there');
    expect(logger.errors).toEqual([]);
    expect(status()).toMatchObject({ status: 'up', sessions: 1, runtimes: 1 });
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
});

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
