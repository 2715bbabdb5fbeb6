import assert from 'node:assert/strict';
import type { Session, Sessions } from '../client-sessions/sessions.interface.js';
import {
  DORMANT_AFTER_MS,
  PENDING_TTL_MS,
  sessionOf,
  type DeclareSessionsCase,
  type SessionsCase,
} from './client-sessions-case.js';

const NOT_FOUND = { name: 'SessionNotFoundError', code: 'SESSION_NOT_FOUND' };

/** How long sessions live, and what keeps them alive. */
export function sessionsLifetimes(declare: DeclareSessionsCase): void {
  declare('a session is pending unless it says otherwise, and ends with its window', async (own) => {
    await own.sessions.create(sessionOf(own, { status: undefined }));
    const createdAt = own.now();
    own.pass(PENDING_TTL_MS - 1);
    const session = await own.sessions.get('user', 'session');
    assert.equal(session?.status, 'pending');
    assert.equal(session?.expiresAt, createdAt + PENDING_TTL_MS);
    own.pass(1);
    await assertGone(own);
  });

  declare('an ended session does not exist for any method, and its id is free', async (own) => {
    const peer = await own.peer();
    for (const sessions of [own.sessions, peer]) {
      await sessions.create(sessionOf(own, { status: 'pending', serverName: 'former' }));
      own.pass(PENDING_TTL_MS);
      await sessions.create(sessionOf(own, { serverName: 'new' }));
      assert.equal((await sessions.get('user', 'session'))?.serverName, 'new');
      assert.deepEqual(await peer.listAllIds(), ['session']);
      await sessions.delete('user', 'session');
    }
  });

  declare('neither reading nor updating extends the window of a pending session', async (own) => {
    await own.sessions.create(sessionOf(own, { status: 'pending' }));
    own.pass(PENDING_TTL_MS / 2);
    await own.sessions.get('user', 'session');
    await own.sessions.list('user');
    await own.sessions.update('user', 'session', { status: 'pending', codeVerifier: 'v' });
    own.pass(PENDING_TTL_MS / 2);
    await assertGone(own);
  });

  declare('the window begins when the session was made, not when it is stored', async (own) => {
    await own.sessions.create(sessionOf(own, { status: 'pending', createdAt: own.now() - 1_000 }));
    own.pass(PENDING_TTL_MS - 1_000);
    await assertGone(own);
  });

  declare('the end that a caller gives is ignored', async (own) => {
    await own.sessions.create(sessionOf(own, { sessionId: 'active', expiresAt: own.now() + 1 }));
    await own.sessions.create(
      sessionOf(own, { status: 'pending', expiresAt: own.now() + 10 * PENDING_TTL_MS }),
    );
    await own.sessions.update('user', 'session', { expiresAt: own.now() + 20 * PENDING_TTL_MS });
    own.pass(PENDING_TTL_MS);
    await assertGone(own, ['active']);
    assert.equal((await own.sessions.get('user', 'active'))?.expiresAt, undefined);
  });

  declare('becoming active clears the window', async (own) => {
    await own.sessions.create(sessionOf(own, { status: 'pending' }));
    own.pass(PENDING_TTL_MS - 1);
    await own.sessions.update('user', 'session', { status: 'active' });
    own.pass(10 * PENDING_TTL_MS);
    await own.sessions.cleanupExpired();
    const session = await own.sessions.get('user', 'session');
    assert.equal(session?.status, 'active');
    assert.equal(session?.expiresAt, undefined);
  });

  declare('becoming pending opens a window', async (own) => {
    await own.sessions.create(sessionOf(own));
    own.pass(10 * PENDING_TTL_MS);
    await own.sessions.update('user', 'session', { status: 'pending' });
    const end = own.now() + PENDING_TTL_MS;
    assert.equal((await own.sessions.get('user', 'session'))?.expiresAt, end);
    own.pass(PENDING_TTL_MS);
    await assertGone(own);
  });

  declare('a status that is cleared is pending', async (own) => {
    await own.sessions.create(sessionOf(own));
    await own.sessions.update('user', 'session', { status: null } as unknown as Partial<Session>);
    const session = await own.sessions.get('user', 'session');
    assert.equal(session?.status, 'pending');
    assert.equal(session?.expiresAt, own.now() + PENDING_TTL_MS);
  });

  declare('an active session ends when nobody has used it for so long', async (own) => {
    await own.sessions.create(sessionOf(own));
    own.pass(DORMANT_AFTER_MS - 1);
    assert.deepEqual(await own.sessions.listIds('user'), ['session']);
    own.pass(1);
    await assertGone(own);
  });

  const uses: Record<string, (sessions: Sessions) => Promise<unknown>> = {
    get: (sessions) => sessions.get('user', 'session'),
    list: (sessions) => sessions.list('user'),
    update: (sessions) => sessions.update('user', 'session', { serverName: 'used' }),
    withLock: (sessions) => sessions.withLock('user', 'session', async () => undefined),
  };
  for (const [method, use] of Object.entries(uses)) {
    declare(`${method} keeps an active session alive, for all instances`, async (own) => {
      await own.sessions.create(sessionOf(own));
      for (let times = 0; times < 3; times += 1) {
        own.pass(0.75 * DORMANT_AFTER_MS);
        await use(await own.peer());
      }
      assert.ok(await own.sessions.get('user', 'session'));
      own.pass(DORMANT_AFTER_MS);
      await assertGone(own);
    });
  }

  declare('listing ids keeps nothing alive', async (own) => {
    await own.sessions.create(sessionOf(own));
    own.pass(DORMANT_AFTER_MS - 1);
    await own.sessions.listIds('user');
    await own.sessions.listAllIds();
    own.pass(1);
    await assertGone(own);
  });

  declare('cleanupExpired removes what has ended, and nothing else', async (own) => {
    for (let index = 0; index < 20; index += 1) {
      const status = index % 2 === 0 ? 'pending' : 'active';
      await own.sessions.create(
        sessionOf(own, {
          userId: `user ${index % 3}`,
          sessionId: `${index}`,
          status,
          serverName: `is-${status}`,
        }),
      );
    }
    own.pass(PENDING_TTL_MS);
    await own.sessions.create(sessionOf(own, { status: 'pending' }));
    const peer = await own.peer();
    await Promise.all([own.sessions.cleanupExpired(), peer.cleanupExpired(), own.sessions.cleanupExpired()]);
    const left = ['1', '3', '5', '7', '9', '11', '13', '15', '17', '19', 'session'];
    assert.deepEqual((await own.sessions.listAllIds()).toSorted(), left.toSorted());
    if (own.readStorage) assert.doesNotMatch(await own.readStorage(), /is-pending/);
    own.pass(DORMANT_AFTER_MS);
    await peer.cleanupExpired();
    await assertGone(own);
  });

  declare('cleanupExpired leaves a session alone that came to life again', async (own) => {
    await own.sessions.create(sessionOf(own, { status: 'pending' }));
    own.pass(PENDING_TTL_MS);
    await Promise.all([
      own.sessions.cleanupExpired(),
      (await own.peer()).create(sessionOf(own, { serverName: 'new' })),
      own.sessions.cleanupExpired(),
    ]);
    assert.equal((await own.sessions.get('user', 'session'))?.serverName, 'new');
  });
}

/** No method finds the session `session`; the sessions `others` are left. */
async function assertGone(own: SessionsCase, others: string[] = []): Promise<void> {
  for (const sessions of [own.sessions, await own.peer()]) {
    assert.deepEqual((await sessions.listAllIds()).toSorted(), others);
    assert.deepEqual((await sessions.listIds('user')).toSorted(), others);
    assert.equal((await sessions.list('user')).length, others.length);
    assert.equal(await sessions.get('user', 'session'), null);
    await assert.rejects(sessions.update('user', 'session', { serverName: 'x' }), NOT_FOUND);
    await assert.rejects(
      sessions.withLock('user', 'session', async () => assert.fail('ran')),
      NOT_FOUND,
    );
  }
}
