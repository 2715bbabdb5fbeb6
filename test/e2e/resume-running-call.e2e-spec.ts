import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { InMemorySessionStore, type McpSessionsOptions } from 'nestjs-mcp-sessions';
import { callRequest, RawClient } from '../support/raw-client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** A store that takes its time to say whether a session is there. */
class SlowStore extends InMemorySessionStore {
  isSlow = false;

  override async has(sessionId: string): Promise<boolean> {
    if (this.isSlow) await delay(200);
    return super.has(sessionId);
  }
}

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

const answered = { id: 1, result: { content: [{ text: 'done' }] } };

describe.each<'memory' | 'redis'>(['memory', 'redis'])('resuming a call, streams in %s', (type) => {
  async function started() {
    const store = new SlowStore();
    const scenario = createScenario('v2');
    const stream: McpSessionsOptions['stream'] = type === 'redis' ? { type, url: redis.url } : type;
    const { url } = await startApp({ server: scenario.factory, store, stream });
    const client = await RawClient.open(url);
    const running = await client.stream(callRequest(1, 'controlled', { name: 'x' }));
    const call = await scenario.control.started('x');
    await running.next();
    return { store, client, running, call, id: running.lastEventId! };
  }

  it('P2 is not told that it is over when the server closes the connection at once', async () => {
    const { store, client, running, call, id } = await started();
    call.closeConnection!();
    await running.ended;
    store.isSlow = true;
    const resuming = client.get({ 'last-event-id': id });
    await delay(100);
    call.closeConnection!();
    const resumed = await resuming;
    expect(resumed.status).toBe(200);
    await resumed.text();
    store.isSlow = false;
    call.finish('done');
    expect((await (await client.listen(id)).rest()).at(-1)).toMatchObject(answered);
  });

  it('is told with 204 when the stream has ended with the event that the client names', async () => {
    const { client, running, call, id } = await started();
    call.finish('done');
    expect(await running.rest()).toMatchObject([answered]);
    expect((await client.get({ 'last-event-id': running.lastEventId })).status).toBe(204);
    expect((await (await client.listen(id)).rest()).at(-1)).toMatchObject(answered);
  });
});
