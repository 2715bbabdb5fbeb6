import { describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { SessionCensus } from '../mcp/session-census.js';
import type { SessionLifecycle } from '../mcp/session-lifecycle.js';
import { InMemorySessionStore } from '../session-store/in-memory-session-store.js';
import { SessionCleanup } from './session-cleanup.js';

const IDLE_TIMEOUT_MS = 60_000;

/** A store that is away when the test says so. */
class FailingStore extends InMemorySessionStore {
  isAway = false;
  readonly touched: string[] = [];

  override touch(sessionId: string) {
    if (this.isAway) return Promise.reject(new Error('away'));
    this.touched.push(sessionId);
    return super.touch(sessionId);
  }
}

async function prepare(sessionsInUse: string[]) {
  const store = new FailingStore();
  for (const sessionId of sessionsInUse) await store.set(sessionId, { lastAccessedAt: Date.now() });
  const forgotten: string[] = [];
  const lifecycle = { forget: async (sessionId: string) => void forgotten.push(sessionId) };
  const cleanup = new SessionCleanup(
    new SchedulerRegistry(),
    { jobName: 'cleanup', intervalMs: IDLE_TIMEOUT_MS, idleTimeoutMs: IDLE_TIMEOUT_MS, storeExpires: true },
    store,
    lifecycle as unknown as SessionLifecycle,
    new SessionCensus({ sessions: 10, sessionsPerPrincipal: 10 }),
    () => sessionsInUse,
  );
  return { store, cleanup, forgotten, start: Date.now() };
}

describe('SessionCleanup', () => {
  it('P6 tries again with the next run to keep those alive that it could not', async () => {
    const { store, cleanup, forgotten, start } = await prepare(['a', 'b']);
    store.isAway = true;
    await expect(cleanup.run(start + IDLE_TIMEOUT_MS / 4)).rejects.toThrow('could not be looked after');
    expect(forgotten).toEqual([]);
    store.isAway = false;
    await cleanup.run(start + IDLE_TIMEOUT_MS / 4 + 1_000);
    expect(store.touched.toSorted()).toEqual(['a', 'b']);
    await cleanup.run(start + IDLE_TIMEOUT_MS / 4 + 2_000);
    expect(store.touched).toHaveLength(2);
  });

  it('runs often enough that keeping a session alive may fail twice', async () => {
    const { cleanup, store, start } = await prepare(['a']);
    const run = async (part: number) => cleanup.run(start + part * IDLE_TIMEOUT_MS);
    // A run may come a tenth earlier than a quarter of the timeout, each time.
    await run(0.225);
    expect(store.touched).toHaveLength(1);
    await run(0.45);
    expect(store.touched).toHaveLength(2);
  });

  it('keeps the others alive when it fails for one of them', async () => {
    const { store, cleanup, start } = await prepare(['a', 'b', 'c']);
    const touch = store.touch.bind(store);
    store.touch = (sessionId) =>
      sessionId === 'c' ? Promise.reject(new Error('only this one')) : touch(sessionId);
    await expect(cleanup.run(start + IDLE_TIMEOUT_MS / 4)).rejects.toThrow('could not be looked after');
    expect(store.touched.toSorted()).toEqual(['a', 'b']);
  });
});
