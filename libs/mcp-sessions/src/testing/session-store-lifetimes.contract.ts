import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionStore } from '../session-store/session-store.interface.js';
import { eventually } from './eventually.js';
import { scanned } from './session-store-basics.contract.js';
import type { ContractTimes, StoreCase } from './session-store.contract.js';

/** A lifetime that no test outlives. */
const LONG_TTL_MS = 3_600_000;

/** Observations that a busy machine may spoil are tried this often. */
const ATTEMPTS = 10;

/** Lifetimes, and what keeps a session alive. */
export function sessionStoreLifetimes(storeCase: StoreCase, { shortTtlMs, timeoutMs }: ContractTimes): void {
  const soon = (message: string, condition: () => boolean | Promise<boolean>) =>
    eventually(message, condition, timeoutMs);

  storeCase('a session whose lifetime has passed does not exist for any method', async (store) => {
    if (!store.setWithTTL) return;
    await store.set('lasting', { lastAccessedAt: 1 });
    const update = async (id: string) => store.update?.(id, { principal: 'p' }) ?? null;
    const isAbsentFor: Record<string, (id: string) => Promise<boolean>> = {
      get: async (id) => (await store.get(id)) === null,
      has: async (id) => !(await store.has(id)),
      keys: async (id) => !(await store.keys()).includes(id),
      scan: async (id) => !store.scan || !(await scanned(store)).includes(id),
      update: async (id) => (await update(id)) === null,
      // Touching it any earlier would keep it alive.
      touch: async (id) => (await store.get(id)) === null && !(await store.touch?.(id)),
    };
    const checks = Object.entries(isAbsentFor);
    for (const [method] of checks) await store.setWithTTL(method, { lastAccessedAt: 1 }, shortTtlMs);
    await Promise.all(
      checks.map(([method, isAbsent]) => soon(`${method} to miss the session`, () => isAbsent(method))),
    );
    for (const [first] of checks) {
      for (const [method, isAbsent] of checks) assert.ok(await isAbsent(first), `${method} after ${first}`);
    }
    assert.deepEqual(await store.keys(), ['lasting']);
  });

  storeCase('a session lives as long as it was stored for', async (store) => {
    if (!store.setWithTTL) return;
    await store.setWithTTL('session', { lastAccessedAt: 1, principal: 'p' }, LONG_TTL_MS);
    await delay(shortTtlMs);
    assert.deepEqual(await store.get('session'), { lastAccessedAt: 1, principal: 'p' });
    assert.deepEqual(await store.keys(), ['session']);
  });

  storeCase('lifetimes above 2³¹ milliseconds do not end at once', async (store) => {
    if (!store.setWithTTL) return;
    const lifetimes = [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 10 * 365 * 86_400_000];
    for (const ttlMs of lifetimes) await store.setWithTTL(`${ttlMs}`, { lastAccessedAt: 1 }, ttlMs);
    await delay(50);
    for (const ttlMs of lifetimes) assert.equal(await store.has(`${ttlMs}`), true, `${ttlMs} ms`);
  });

  storeCase('a lifetime that is not a positive, finite number is refused', async (store) => {
    if (!store.setWithTTL) return;
    for (const ttlMs of [0, -1, NaN, Infinity, -Infinity]) {
      await assert.rejects(store.setWithTTL('session', { lastAccessedAt: 1 }, ttlMs), Error, `${ttlMs}`);
    }
    assert.equal(await store.has('session'), false);
  });

  storeCase('storing a session again replaces its lifetime', async (store) => {
    if (!store.setWithTTL) return;
    await store.setWithTTL('longer', { lastAccessedAt: 1 }, shortTtlMs);
    await store.setWithTTL('longer', { lastAccessedAt: 2 }, LONG_TTL_MS);
    await store.setWithTTL('default', { lastAccessedAt: 1 }, shortTtlMs);
    await store.set('default', { lastAccessedAt: 2 });
    await store.setWithTTL('deleted', { lastAccessedAt: 1 }, shortTtlMs);
    await store.delete('deleted');
    await store.set('deleted', { lastAccessedAt: 2 });
    await store.setWithTTL('shorter', { lastAccessedAt: 1 }, LONG_TTL_MS);
    await store.setWithTTL('shorter', { lastAccessedAt: 2 }, shortTtlMs);
    await soon('the shorter lifetime to pass', async () => !(await store.has('shorter')));
    await delay(shortTtlMs);
    for (const id of ['longer', 'default', 'deleted']) {
      assert.deepEqual(await store.get(id), { lastAccessedAt: 2 }, id);
    }
  });

  storeCase('touch answers the metadata, used just now', async (store) => {
    if (!store.touch) return;
    await store.set('session', { lastAccessedAt: 1, principal: 'p', subscriptions: [] });
    const touched = await store.touch('session');
    assert.ok(touched);
    assert.deepEqual(touched, { lastAccessedAt: touched.lastAccessedAt, principal: 'p', subscriptions: [] });
    // Some seconds of difference: a database may have a clock of its own.
    assert.ok(Math.abs(touched.lastAccessedAt - Date.now()) < 10_000, `${touched.lastAccessedAt} is not now`);
  });

  storeCase('touch never makes a session', async (store) => {
    if (!store.touch) return;
    assert.equal(await store.touch('session'), null);
    assert.equal(await store.has('session'), false);
    for (let round = 0; round < 20; round += 1) {
      await store.set('session', { lastAccessedAt: 1 });
      await Promise.all([store.touch('session'), store.delete('session'), store.touch('session')]);
      assert.equal(await store.touch('session'), null);
      assert.deepEqual(await store.keys(), []);
    }
  });

  storeCase('touch keeps a session alive', async (store) => {
    if (!store.setWithTTL || !store.touch) return;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const outcome = await touchBeyondLifetime(store, 2 * shortTtlMs);
      if (outcome !== 'too slow') return;
    }
    assert.fail('The machine is too busy to tell: give a longer shortTtlMs');
  });

  storeCase('touch renews the lifetime that the session was stored with, and no other', async (store) => {
    if (!store.setWithTTL || !store.touch) return;
    await store.setWithTTL('short', { lastAccessedAt: 1 }, shortTtlMs);
    await store.setWithTTL('long', { lastAccessedAt: 1 }, LONG_TTL_MS);
    await store.touch('short');
    await store.touch('long');
    await soon('the short lifetime to pass', async () => !(await store.has('short')));
    assert.equal(await store.has('long'), true);
  });

  storeCase('the end of a session is told once, the deletion of one never', async (store) => {
    if (!store.setWithTTL || !store.onExpired) return;
    const ended: string[] = [];
    const removeListener = store.onExpired((id) => ended.push(id));
    for (const id of ['a', 'b', 'c']) await store.setWithTTL(id, { lastAccessedAt: 1 }, shortTtlMs);
    await store.setWithTTL('deleted', { lastAccessedAt: 1 }, LONG_TTL_MS);
    await store.delete('deleted');
    await soon('three sessions to end', () => ended.length >= 3);
    assert.deepEqual(await store.keys(), []);
    removeListener();
    await store.setWithTTL('later', { lastAccessedAt: 1 }, shortTtlMs);
    await soon('another session to end', async () => !(await store.has('later')));
    await delay(10);
    assert.deepEqual(ended.toSorted(), ['a', 'b', 'c']);
  });
}

/** Touches a session until well after its first lifetime. */
async function touchBeyondLifetime(store: SessionStore, ttlMs: number): Promise<'alive' | 'too slow'> {
  const start = Date.now();
  let renewedAt = start;
  await store.setWithTTL!('session', { lastAccessedAt: 1 }, ttlMs);
  while (Date.now() - start < 1.5 * ttlMs) {
    await delay(ttlMs / 10);
    const touchedAt = Date.now();
    const touched = await store.touch!('session');
    // Only a touch that came in time for certain proves anything.
    if (Date.now() - renewedAt > 0.8 * ttlMs) return 'too slow';
    assert.ok(touched, `gone ${touchedAt - renewedAt} ms after it was renewed for ${ttlMs} ms`);
    renewedAt = touchedAt;
  }
  return 'alive';
}
