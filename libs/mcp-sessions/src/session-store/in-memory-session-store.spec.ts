import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { InvalidConfigurationError } from '../common/errors.js';
import { sessionStoreContract } from '../testing/session-store.contract.js';
import { InMemorySessionStore } from './in-memory-session-store.js';
import { InvalidSessionMetadataError, InvalidSessionTtlError } from './session-store.errors.js';
import type { SessionMetadata } from './session-store.interface.js';

sessionStoreContract(
  { describe, it },
  { name: 'InMemorySessionStore', create: () => new InMemorySessionStore() },
);

describe('InMemorySessionStore', () => {
  let now = 1_000_000;
  const createStore = () => new InMemorySessionStore({ now: () => now });

  afterEach(() => {
    jest.restoreAllMocks();
    now = 1_000_000;
  });

  it('ends a session at the millisecond its lifetime passes, without any timer', async () => {
    const store = createStore();
    await store.setWithTTL('session', { lastAccessedAt: 1 }, 60_000);
    now += 59_999;
    expect(await store.has('session')).toBe(true);
    expect(store.size).toBe(1);
    now += 1;
    expect(store.size).toBe(0);
    expect(await store.get('session')).toBeNull();
    expect(await store.touch('session')).toBeNull();
    expect(await store.update('session', { principal: 'p' })).toBeNull();
    expect(await store.keys()).toEqual([]);
  });

  it('keeps a session without lifetime for ever', async () => {
    const store = createStore();
    await store.set('session', { lastAccessedAt: now });
    now += 1e12;
    expect(await store.has('session')).toBe(true);
    expect(await store.touch('session')).toEqual({ lastAccessedAt: now });
  });

  it('touches: lastAccessedAt is now, for later readers too, and the lifetime starts anew', async () => {
    const store = createStore();
    await store.setWithTTL('session', { lastAccessedAt: 1, principal: 'p' }, 1_000);
    now += 999;
    expect(await store.touch('session')).toEqual({ lastAccessedAt: now, principal: 'p' });
    expect(await store.get('session')).toEqual({ lastAccessedAt: now, principal: 'p' });
    now += 999;
    expect(await store.has('session')).toBe(true);
    now += 1;
    expect(await store.has('session')).toBe(false);
  });

  it('updates without extending or shortening the lifetime', async () => {
    const store = createStore();
    await store.setWithTTL('session', { lastAccessedAt: 1 }, 1_000);
    now += 900;
    await store.update('session', { lastAccessedAt: now });
    now += 99;
    expect(await store.get('session')).toEqual({ lastAccessedAt: now - 99 });
    now += 1;
    expect(await store.has('session')).toBe(false);
  });

  it.each(['get', 'has', 'touch', 'delete', 'keys', 'size', 'set'] as const)(
    'tells once of an expired session that %s notices before the timer',
    async (access) => {
      const store = createStore();
      const ended: string[] = [];
      store.onExpired((id) => ended.push(id));
      await store.setWithTTL('session', { lastAccessedAt: 1 }, 60_000);
      now += 60_000;
      if (access === 'size') expect(store.size).toBe(0);
      else if (access === 'set') await store.set('session', { lastAccessedAt: 2 });
      else await store[access]('session');
      expect(ended).toEqual(['session']);
      await store.get('session');
      expect(ended).toEqual(['session']);
      expect(store.size).toBe(access === 'set' ? 1 : 0);
    },
  );

  it('tells nobody of sessions that are deleted or cleared', async () => {
    const store = createStore();
    const ended: string[] = [];
    store.onExpired((id) => ended.push(id));
    await store.setWithTTL('deleted', { lastAccessedAt: 1 }, 1_000);
    await store.setWithTTL('cleared', { lastAccessedAt: 1 }, 1_000);
    await store.delete('deleted');
    await store.clear();
    now += 2_000;
    expect(store.size).toBe(0);
    expect(await store.keys()).toEqual([]);
    expect(ended).toEqual([]);
  });

  it('survives listeners that throw or reject, and reports them without the session id', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const store = createStore();
    const ended: string[] = [];
    store.onExpired(() => {
      throw new Error('thrown');
    });
    store.onExpired(async () => {
      throw new Error('rejected');
    });
    store.onExpired((id) => ended.push(id));
    await store.setWithTTL('secret-id', { lastAccessedAt: 1 }, 1_000);
    now += 1_000;
    expect(await store.get('secret-id')).toBeNull();
    expect(ended).toEqual(['secret-id']);
    await new Promise(setImmediate);
    expect(logged).toHaveBeenCalledTimes(2);
    expect(JSON.stringify(logged.mock.calls)).not.toContain('secret-id');
    expect(JSON.stringify(logged.mock.calls)).toMatch(/thrown.*rejected/);
  });

  it('refuses what JSON cannot carry, and keeps what was there', async () => {
    const store = createStore();
    await store.set('session', { lastAccessedAt: 1 });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const data of [cycle, { big: 1n }]) {
      await expect(store.set('session', { lastAccessedAt: 2, data })).rejects.toThrow(
        InvalidSessionMetadataError,
      );
      await expect(store.update('session', { data })).rejects.toThrow(InvalidSessionMetadataError);
    }
    for (const metadata of [null, undefined, [], 'text', {}, { lastAccessedAt: NaN }]) {
      await expect(store.set('session', metadata as unknown as SessionMetadata)).rejects.toThrow(
        InvalidSessionMetadataError,
      );
    }
    expect(await store.get('session')).toEqual({ lastAccessedAt: 1 });
  });

  it.each([0, -1, NaN, Infinity, '5' as unknown as number])('refuses a lifetime of %p', async (ttlMs) => {
    const store = createStore();
    const refusal = store.setWithTTL('session', { lastAccessedAt: 1 }, ttlMs);
    await expect(refusal).rejects.toThrow(InvalidSessionTtlError);
    await expect(refusal).rejects.toMatchObject({ code: 'INVALID_SESSION_TTL', ttlMs });
  });

  it('scans to an end although sessions are stored anew all the while', async () => {
    const store = createStore();
    for (const id of ['a', 'b', 'c']) await store.set(id, { lastAccessedAt: 1 });
    const seen: string[] = [];
    for await (const id of store.scan()) {
      seen.push(id);
      await store.delete(id);
      await store.set(id, { lastAccessedAt: 1 });
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it.each([0, -1, 1.5, NaN, Infinity])('refuses a scan in batches of %p', async (batch) => {
    const scan = new InMemorySessionStore().scan({ batch });
    await expect(scan.next()).rejects.toThrow(InvalidConfigurationError);
  });

  it('lets other work have its turn between the batches of a scan', async () => {
    const store = createStore();
    for (let index = 0; index < 10; index += 1) await store.set(`${index}`, { lastAccessedAt: 1 });
    let turns = 0;
    let scanning = true;
    const countTurns = () => {
      turns += 1;
      if (scanning) setImmediate(countTurns);
    };
    setImmediate(countTurns);
    for await (const id of store.scan({ batch: 2 })) expect(id).toBeDefined();
    scanning = false;
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it.each(['close', 'clear'] as const)('uses one timer for all sessions, and none after %s', async (end) => {
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const store = new InMemorySessionStore();
    for (let index = 0; index < 1_000; index += 1) {
      await store.setWithTTL(`${index}`, { lastAccessedAt: 1 }, 60_000 + index);
    }
    expect(timers).toHaveBeenCalledTimes(1);
    const cleared = jest.spyOn(globalThis, 'clearTimeout');
    await store[end]();
    expect(cleared).toHaveBeenCalledWith(timers.mock.results[0]!.value as NodeJS.Timeout);
    expect(store.size).toBe(end === 'close' ? 1_000 : 0);
  });
});
