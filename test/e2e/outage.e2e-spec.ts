import { afterEach, describe, expect, it } from '@jest/globals';
import {
  InMemorySessionStore,
  SessionStoreUnavailableError,
  type SessionMetadata,
} from 'nestjs-mcp-sessions';
import { callRequest, initializeRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** A store whose backend can go away and come back. */
class InterruptibleStore extends InMemorySessionStore {
  isAway = false;

  override async touch(sessionId: string): Promise<SessionMetadata | null> {
    this.check();
    return super.touch(sessionId);
  }

  override async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    this.check();
    return super.setWithTTL(sessionId, data, ttlMs);
  }

  private check(): void {
    if (this.isAway) throw new SessionStoreUnavailableError();
  }
}

const stores: InterruptibleStore[] = [];
afterEach(() => stores.splice(0).forEach((store) => (store.isAway = false)));

async function started() {
  const store = new InterruptibleStore();
  stores.push(store);
  const app = await startApp({ server: createScenario('v2').factory, store });
  return { ...app, store };
}

describe('a store that cannot be reached', () => {
  it('P6 is answered with 503 and Retry-After by every verb, never with 404, and the session goes on after', async () => {
    const { url, store, events } = await started();
    const client = await RawClient.open(url);
    store.isAway = true;
    const echo = callRequest(1, 'echo', { text: 'x' });
    for (const request of [
      client.post(echo),
      client.get(),
      client.delete(),
      client.post(initializeRequest()),
    ]) {
      const response = await request;
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await refusal(response)).toMatchObject({ status: 503, code: -32000 });
    }
    store.isAway = false;
    expect((await client.post(echo)).status).toBe(200);
    expect(events.filter(({ type }) => type === 'ended' || type === 'expired')).toEqual([]);
  });

  it('P4 counts no session that could not be opened', async () => {
    const { url, store, status } = await started();
    store.isAway = true;
    expect((await new RawClient(url).post(initializeRequest())).status).toBe(503);
    expect(status()).toMatchObject({ sessions: 0, runtimes: 0 });
  });
});
