import assert from 'node:assert/strict';
import type { SessionMetadata, SessionStore } from '../session-store/session-store.interface.js';
import type { StoreCase } from './session-store.contract.js';

/** Ids that collide, vanish or turn into patterns and prototypes in a careless store. */
const HOSTILE_IDS = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  'a',
  'A',
  'a:b',
  'a:b:c',
  '*',
  'a*',
  '{x}',
  '{x}y',
  'a\nb',
  'a\r\nb',
  '"a"',
  "'; DROP TABLE sessions; --",
  '../a',
  'a/b',
  '%61',
  '🦊',
  'é',
  'e\u0301',
  'x'.repeat(1_000),
];

/** Every field, with what serialization likes to lose. */
const FULL_METADATA: SessionMetadata = {
  lastAccessedAt: 1_700_000_000_123,
  logLevel: 'warning',
  clientCapabilities: { roots: { listChanged: true }, sampling: {}, experimental: { list: [] } },
  clientInfo: { name: 'client', version: '1.2.3', title: 'Ĉ 🦊' },
  protocolVersion: '2025-11-25',
  progressToken: 0,
  subscriptions: [],
  principal: 'https://issuer.example|user',
  transportType: 'sse',
  data: {
    emptyArray: [],
    nestedEmpty: [[], {}, [[]]],
    emptyObject: {},
    emptyText: '',
    nothing: null,
    no: false,
    zero: 0,
    deep: { a: { b: [{ c: [1, 'two', null] }] } },
    largest: Number.MAX_SAFE_INTEGER,
    huge: 1e21,
    fraction: 0.1,
    text: 'line\nbreak "quoted" \\ \u2028 🦊 日本語',
    'dotted.key': 1,
    ...(JSON.parse('{"__proto__":{"polluted":true}}') as object),
  },
};

/** Reading, storing and removing. */
export function sessionStoreBasics(storeCase: StoreCase): void {
  storeCase('a session that is not there is null, false, and not among the keys', async (store) => {
    for (const id of ['absent', ...HOSTILE_IDS]) {
      assert.equal(await store.get(id), null);
      assert.equal(await store.has(id), false);
    }
    assert.deepEqual(await store.keys(), []);
  });

  storeCase('what is stored comes back, every field of it', async (store) => {
    await store.set('session', FULL_METADATA);
    assert.deepEqual(await store.get('session'), FULL_METADATA);
    assert.equal(await store.has('session'), true);
    assert.equal((Object.prototype as { polluted?: unknown }).polluted, undefined);
  });

  storeCase('fields that are undefined are absent', async (store) => {
    await store.set('session', { lastAccessedAt: 1, principal: undefined, data: { gone: undefined } });
    assert.deepEqual(await store.get('session'), { lastAccessedAt: 1, data: {} });
  });

  storeCase('what happens to an object after it was stored changes nothing', async (store) => {
    const metadata = { lastAccessedAt: 1, subscriptions: ['a'], data: { list: [1] } };
    await store.set('session', metadata);
    metadata.subscriptions.push('b');
    metadata.data.list.push(2);
    assert.deepEqual(await store.get('session'), {
      lastAccessedAt: 1,
      subscriptions: ['a'],
      data: { list: [1] },
    });
  });

  storeCase('what happens to an object that was read changes nothing', async (store) => {
    await store.set('session', { lastAccessedAt: 1, subscriptions: ['a'] });
    const answers = [
      await store.get('session'),
      await store.touch?.('session'),
      await store.update?.('session', {}),
    ];
    for (const answer of answers) answer?.subscriptions?.push('b');
    assert.deepEqual((await store.get('session'))?.subscriptions, ['a']);
  });

  storeCase('set replaces the whole metadata', async (store) => {
    await store.set('session', FULL_METADATA);
    await store.set('session', { lastAccessedAt: 2 });
    assert.deepEqual(await store.get('session'), { lastAccessedAt: 2 });
    assert.deepEqual(await store.keys(), ['session']);
  });

  storeCase('any string is a session id, and no two collide', async (store) => {
    for (const id of HOSTILE_IDS) await store.set(id, { lastAccessedAt: 1, data: { id } });
    assertSameIds(await store.keys(), HOSTILE_IDS);
    for (const id of HOSTILE_IDS) {
      assert.equal((await store.get(id))?.data?.['id'], id);
      assert.equal(await store.has(id), true);
    }
  });

  storeCase('delete removes one session, and only that one', async (store) => {
    for (const id of HOSTILE_IDS) await store.set(id, { lastAccessedAt: 1, data: { id } });
    const left = new Set(HOSTILE_IDS);
    for (const id of HOSTILE_IDS) {
      await store.delete(id);
      left.delete(id);
      assert.equal(await store.get(id), null);
      assert.equal(await store.has(id), false);
      assertSameIds(await store.keys(), [...left]);
    }
  });

  storeCase('delete resolves when there is nothing to remove', async (store) => {
    await store.delete('absent');
    await store.set('session', { lastAccessedAt: 1 });
    await store.delete('session');
    await store.delete('session');
    assert.equal(await store.has('session'), false);
  });

  storeCase('a session can be stored again after it was deleted', async (store) => {
    await store.set('session', { lastAccessedAt: 1, principal: 'first' });
    await store.delete('session');
    await store.set('session', { lastAccessedAt: 2 });
    assert.deepEqual(await store.get('session'), { lastAccessedAt: 2 });
  });

  storeCase('scan finds what keys finds, whatever the size of its batches', async (store) => {
    if (!store.scan) return;
    assert.deepEqual(await scanned(store), []);
    const ids = Array.from({ length: 25 }, (_, index) => `session-${index}`);
    for (const id of ids) await store.set(id, { lastAccessedAt: 1 });
    for (const batch of [undefined, 1, 7, 25, 1_000]) assertSameIds(await scanned(store, batch), ids);
    assertSameIds(await store.keys(), ids);
  });

  storeCase('scan can be left early, and sessions deleted while it runs', async (store) => {
    if (!store.scan) return;
    for (let index = 0; index < 10; index += 1) await store.set(`session-${index}`, { lastAccessedAt: 1 });
    let seen = 0;
    for await (const id of store.scan({ batch: 2 })) {
      await store.delete(id);
      seen += 1;
      if (seen === 3) break;
    }
    assert.equal((await store.keys()).length, 7);
    for await (const id of store.scan({ batch: 2 })) await store.delete(id);
    assert.deepEqual(await store.keys(), []);
  });
}

/** What `scan` yields. A cursor over a database that changes may repeat an id, so repetitions do not count. */
export async function scanned(store: SessionStore, batch?: number): Promise<string[]> {
  const ids = new Set<string>();
  for await (const id of store.scan!({ batch })) ids.add(id);
  return [...ids];
}

function assertSameIds(actual: string[], expected: string[]): void {
  assert.deepEqual(actual.toSorted(), expected.toSorted());
}
