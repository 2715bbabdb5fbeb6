import assert from 'node:assert/strict';
import type { SessionMetadata } from '../session-store/session-store.interface.js';
import { eventually } from './eventually.js';
import type { ContractTimes, StoreCase } from './session-store.contract.js';

/** The merging of fields into a session. */
export function sessionStoreUpdates(storeCase: StoreCase, { shortTtlMs, timeoutMs }: ContractTimes): void {
  const soon = (message: string, condition: () => boolean | Promise<boolean>) =>
    eventually(message, condition, timeoutMs);

  storeCase('update merges fields, and answers the new metadata', async (store) => {
    if (!store.update) return;
    await store.set('session', { lastAccessedAt: 1, logLevel: 'info', data: { a: 1 }, subscriptions: ['x'] });
    const expected = { lastAccessedAt: 2, logLevel: 'error', data: { b: [] }, subscriptions: ['x'] };
    const patch: Partial<SessionMetadata> = { lastAccessedAt: 2, logLevel: 'error', data: { b: [] } };
    assert.deepEqual(await store.update('session', patch), expected);
    assert.deepEqual(await store.get('session'), expected);
  });

  storeCase('update leaves fields alone that are undefined in the patch', async (store) => {
    if (!store.update) return;
    const metadata: SessionMetadata = { lastAccessedAt: 1, principal: 'p', subscriptions: [] };
    await store.set('session', metadata);
    const patch = { lastAccessedAt: undefined, principal: undefined, subscriptions: undefined };
    assert.deepEqual(await store.update('session', patch), metadata);
    assert.deepEqual(await store.update('session', {}), metadata);
    assert.deepEqual(await store.get('session'), metadata);
  });

  storeCase('update copies what it is given', async (store) => {
    if (!store.update) return;
    await store.set('session', { lastAccessedAt: 1 });
    const subscriptions = ['a'];
    await store.update('session', { subscriptions });
    subscriptions.push('b');
    assert.deepEqual((await store.get('session'))?.subscriptions, ['a']);
  });

  storeCase('update never makes a session, nor brings one back', async (store) => {
    if (!store.update) return;
    assert.equal(await store.update('session', { lastAccessedAt: 1 }), null);
    assert.equal(await store.has('session'), false);
    for (let round = 0; round < 20; round += 1) {
      await store.set('session', { lastAccessedAt: 1 });
      await Promise.all([
        store.update('session', { principal: 'p' }),
        store.delete('session'),
        store.update('session', { logLevel: 'debug' }),
      ]);
      assert.equal(await store.get('session'), null);
      assert.deepEqual(await store.keys(), []);
    }
  });

  storeCase('of updates to different fields at the same time, all survive', async (store) => {
    if (!store.update) return;
    for (let round = 0; round < 20; round += 1) {
      await store.set('session', { lastAccessedAt: 1 });
      const patches: Partial<SessionMetadata>[] = [
        { logLevel: 'notice' },
        { principal: `p${round}` },
        { progressToken: round },
        { protocolVersion: '2025-06-18' },
        { subscriptions: [`${round}`] },
        { data: { round } },
      ];
      await Promise.all(patches.map((patch) => store.update!('session', patch)));
      assert.deepEqual(await store.get('session'), Object.assign({ lastAccessedAt: 1 }, ...patches));
    }
  });

  storeCase('modify merges what is made of the metadata, and answers the new metadata', async (store) => {
    if (!store.modify) return;
    await store.set('session', { lastAccessedAt: 1, principal: 'p', subscriptions: ['x'], data: { a: [] } });
    const expected = { lastAccessedAt: 1, principal: 'p', subscriptions: ['x', 'ÿ'], data: { a: [] } };
    const change = ({ subscriptions = [] }: SessionMetadata) => ({ subscriptions: [...subscriptions, 'ÿ'] });
    assert.deepEqual(await store.modify('session', change), expected);
    assert.deepEqual(await store.get('session'), expected);
    assert.deepEqual(await store.modify('session', () => ({ principal: undefined })), expected);
  });

  storeCase('of changes to one field at the same time, all survive', async (store) => {
    if (!store.modify || !store.touch || !store.update) return;
    const uris = Array.from({ length: 20 }, (_, index) => `note://${index}`);
    await store.set('session', { lastAccessedAt: 1 });
    const add = (uri: string) =>
      store.modify!('session', ({ subscriptions = [] }) => ({
        subscriptions: [...subscriptions.filter((other) => other !== uri), uri],
      }));
    const others = uris.map((_, round) => store.update!('session', { progressToken: round }));
    await Promise.all([...uris.map(add), ...others, store.touch('session')]);
    const { subscriptions = [] } = (await store.get('session'))!;
    assert.deepEqual(subscriptions.toSorted(), uris.toSorted());
  });

  storeCase(
    'modify never makes a session, brings none back, and leaves one alone that it cannot change',
    async (store) => {
      if (!store.modify) return;
      assert.equal(await store.modify('session', () => ({ principal: 'p' })), null);
      for (let round = 0; round < 20; round += 1) {
        await store.set('session', { lastAccessedAt: 1 });
        await Promise.all([store.modify('session', () => ({ principal: 'p' })), store.delete('session')]);
        assert.equal(await store.get('session'), null);
      }
      await store.set('session', { lastAccessedAt: 1 });
      const refused = store.modify('session', () => {
        throw new Error('refused');
      });
      await assert.rejects(refused, /refused/);
      assert.deepEqual(await store.get('session'), { lastAccessedAt: 1 });
    },
  );

  storeCase('a touch at the same time loses no update', async (store) => {
    if (!store.update || !store.touch) return;
    for (let round = 0; round < 20; round += 1) {
      await store.set('session', { lastAccessedAt: 1 });
      await Promise.all([
        store.touch('session'),
        store.update('session', { progressToken: round }),
        store.touch('session'),
      ]);
      assert.equal((await store.get('session'))?.progressToken, round);
    }
  });

  storeCase('update leaves the lifetime running', async (store) => {
    if (!store.update || !store.setWithTTL) return;
    await store.setWithTTL('session', { lastAccessedAt: 1 }, shortTtlMs);
    // If an update started the lifetime anew, or dropped it, the session would never end.
    await soon(
      'an updated session to end',
      async () => (await store.update!('session', { principal: 'p' })) === null,
    );
    await store.setWithTTL('lasting', { lastAccessedAt: 1 }, 2 ** 32);
    await store.update('lasting', { principal: 'p' });
    assert.deepEqual(await store.get('lasting'), { lastAccessedAt: 1, principal: 'p' });
  });
}
