import { describe, expect, it } from '@jest/globals';
import { InMemorySessionStore } from 'nestjs-mcp-sessions';
import { callRequest, RawClient } from '../support/raw-client.js';
import { createScenario, type ServerSdk } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** Two instances that share their sessions but, as yet, not their streams. */
async function startedPair(sdk: ServerSdk) {
  const store = new InMemorySessionStore();
  const start = () => startApp({ server: createScenario(sdk).factory, store });
  const [a, b] = [await start(), await start()];
  const onA = await RawClient.open(a.url);
  const onB = new RawClient(b.url);
  onB.sessionId = onA.sessionId;
  return { onA, onB, b };
}

describe.each<ServerSdk>(['v1', 'v2'])('a session on two instances, SDK %s', (sdk) => {
  it('P1 is served by the instance that did not open it', async () => {
    const { onB, b } = await startedPair(sdk);
    expect(await onB.ask(callRequest(1, 'echo', { text: 'x' }))).toMatchObject({ result: {} });
    expect(b.events.map(({ type }) => type)).toEqual(['resumed']);
  });

  it('P1 has the log level that was set on the other one, also where it was served before', async () => {
    const { onA, onB, b } = await startedPair(sdk);
    const main = await onB.listen();
    /** How much the tool logs: it sends to the main stream, not to the call's. */
    const logged = async (id: number): Promise<number> => {
      expect(await onB.ask(callRequest(id, 'log'))).toMatchObject({ result: {} });
      await b.sessions.notify(onB.sessionId!, { method: 'notifications/marker' });
      for (let count = 0; ; count += 1) {
        if ((await main.nextMessage())!.method === 'notifications/marker') return count;
      }
    };
    expect(await logged(1)).toBe(3);
    const params = { level: 'emergency' };
    await onA.ask({ jsonrpc: '2.0', id: 2, method: 'logging/setLevel', params } as { id: number });
    expect(await logged(3)).toBe(0);
  });

  it('P1 is 404 on both once it was deleted on one', async () => {
    const { onA, onB } = await startedPair(sdk);
    await onB.ask(callRequest(1, 'echo', { text: 'x' }));
    expect((await onA.delete()).status).toBe(200);
    expect((await onB.post(callRequest(2, 'echo', { text: 'x' }))).status).toBe(404);
    expect((await onA.post(callRequest(3, 'echo', { text: 'x' }))).status).toBe(404);
  });
});
