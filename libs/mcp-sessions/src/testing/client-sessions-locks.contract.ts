import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { sessionOf, type DeclareSessionsCase } from './client-sessions-case.js';

/** Locks, within one instance: across instances they are the business of backends that have them. */
export function sessionsLocks(declare: DeclareSessionsCase): void {
  declare('work under a lock is done one after the other, each on a fresh session', async (own) => {
    await own.sessions.create(sessionOf(own, { metadata: { count: '0' } }));
    let running = 0;
    const increment = (): Promise<string> =>
      own.sessions.withLock('user', 'session', async ({ metadata }) => {
        assert.equal((running += 1), 1);
        const count = `${Number(metadata!['count']) + 1}`;
        await delay(1);
        await own.sessions.update('user', 'session', { metadata: { count } });
        running -= 1;
        return count;
      });
    const counts = await Promise.all(Array.from({ length: 10 }, increment));
    assert.deepEqual(counts.toSorted(), ['1', '10', '2', '3', '4', '5', '6', '7', '8', '9']);
    assert.equal((await own.sessions.get('user', 'session'))?.metadata?.['count'], '10');
  });

  declare('work that fails lets go of the lock, and its error comes through', async (own) => {
    await own.sessions.create(sessionOf(own));
    const failure = new Error('the work failed');
    const failing = own.sessions.withLock('user', 'session', () => Promise.reject(failure));
    const next = own.sessions.withLock('user', 'session', async ({ sessionId }) => sessionId);
    await assert.rejects(failing, (error) => error === failure);
    assert.equal(await next, 'session');
  });

  declare('locks of different sessions do not wait for each other', async (own) => {
    await own.sessions.create(sessionOf(own, { userId: 'one' }));
    await own.sessions.create(sessionOf(own, { userId: 'two' }));
    const answer = await own.sessions.withLock('one', 'session', () =>
      own.sessions.withLock('two', 'session', async ({ userId }) => userId),
    );
    assert.equal(answer, 'two');
  });

  declare('other methods do not wait for the lock', async (own) => {
    await own.sessions.create(sessionOf(own));
    await own.sessions.withLock('user', 'session', async () => {
      await own.sessions.update('user', 'session', { serverName: 'changed' });
      assert.equal((await own.sessions.get('user', 'session'))?.serverName, 'changed');
      await own.sessions.delete('user', 'session');
    });
    assert.equal(await own.sessions.get('user', 'session'), null);
  });

  declare('a session that is deleted while its lock is waited for is not found', async (own) => {
    await own.sessions.create(sessionOf(own));
    const first = own.sessions.withLock('user', 'session', async () => {
      await delay(5);
      await own.sessions.delete('user', 'session');
    });
    const second = own.sessions.withLock('user', 'session', async () => assert.fail('ran'));
    await first;
    await assert.rejects(second, { code: 'SESSION_NOT_FOUND' });
  });

  declare(
    'the wait for a lock is bounded',
    async (own) => {
      await own.sessions.create(sessionOf(own));
      await own.sessions.withLock('user', 'session', async () => {
        const second = own.sessions.withLock('user', 'session', async () => assert.fail('ran'));
        await assert.rejects(second, { name: 'SessionLockedError', code: 'SESSION_LOCKED' });
      });
      await own.sessions.withLock('user', 'session', async () => undefined);
    },
    { lockWaitMs: 30 },
  );
}
