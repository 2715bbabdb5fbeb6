import assert from 'node:assert/strict';
import type { Session } from '../client-sessions/sessions.interface.js';
import { sessionOf, type DeclareSessionsCase } from './client-sessions-case.js';

/** Changing sessions, by one caller or by many at once. */
export function sessionsConcurrency(declare: DeclareSessionsCase): void {
  declare('update changes the fields it is given, and says when', async (own) => {
    const session = sessionOf(own, { serverName: 'a', metadata: { a: '1' }, tokens: { access_token: 't' } });
    await own.sessions.create(session);
    own.pass(5);
    await own.sessions.update('user', 'session', {
      serverName: 'b',
      metadata: { b: '2' },
      headers: { h: '1' },
    });
    const expected = {
      ...session,
      serverName: 'b',
      metadata: { b: '2' },
      headers: { h: '1' },
      updatedAt: own.now(),
    };
    assert.deepEqual(await own.sessions.get('user', 'session'), expected);
  });

  declare('undefined leaves a field alone, null clears it', async (own) => {
    const clearable: (keyof Session)[] = ['tokens', 'authUrl', 'serverName', 'oauthState', 'codeVerifier'];
    const session = sessionOf(own, {
      tokens: {},
      authUrl: 'u',
      serverName: 'n',
      oauthState: {},
      codeVerifier: 'v',
    });
    await own.sessions.create(session);
    const patch = (value: null | undefined): Partial<Session> =>
      Object.fromEntries(clearable.map((field) => [field, value]));
    await own.sessions.update('user', 'session', patch(undefined));
    assert.deepEqual(await own.sessions.get('user', 'session'), { ...session, updatedAt: own.now() });
    await own.sessions.update('user', 'session', patch(null));
    const cleared = await own.sessions.get('user', 'session');
    for (const field of clearable) assert.equal(Object.hasOwn(cleared!, field), false, field);
    assert.equal(cleared?.serverUrl, session.serverUrl);
  });

  declare('update never changes whose session it is, which, and when it was made', async (own) => {
    const session = sessionOf(own);
    await own.sessions.create(session);
    await own.sessions.update('user', 'session', { userId: 'thief', sessionId: 'other', createdAt: 1 });
    assert.deepEqual(await own.sessions.get('user', 'session'), { ...session, updatedAt: own.now() });
    assert.deepEqual(await own.sessions.list('thief'), []);
    assert.deepEqual(await own.sessions.listAllIds(), ['session']);
  });

  declare('update refuses what a session cannot be, and leaves it as it was', async (own) => {
    const session = sessionOf(own);
    await own.sessions.create(session);
    for (const patch of [{ serverUrl: null }, { status: 'gone' }, { transportType: 1 }]) {
      const update = own.sessions.update('user', 'session', patch as unknown as Partial<Session>);
      await assert.rejects(update, { code: 'INVALID_SESSION' });
    }
    assert.deepEqual(await own.sessions.get('user', 'session'), session);
  });

  declare('of creations of one id at the same time, one succeeds', async (own) => {
    const instances = [own.sessions, await own.peer(), await own.peer()];
    for (let round = 0; round < 10; round += 1) {
      const creations = Array.from({ length: 9 }, (_, index) =>
        instances[index % 3]!.create(sessionOf(own, { sessionId: `${round}`, serverName: `${index}` })),
      );
      const outcomes = await Promise.allSettled(creations);
      const winners = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [`${index}`] : []));
      assert.equal(winners.length, 1);
      assert.deepEqual((await own.sessions.get('user', `${round}`))?.serverName, winners[0]);
    }
  });

  declare('of updates to different fields at the same time, all survive', async (own) => {
    const instances = [own.sessions, await own.peer(), await own.peer()];
    await own.sessions.create(sessionOf(own));
    for (let round = 0; round < 10; round += 1) {
      const patches: Partial<Session>[] = [
        { serverName: `${round}` },
        { serverId: `${round}` },
        { tokens: { round, list: [] } },
        { codeVerifier: `${round}` },
        { metadata: { round: `${round}` } },
        { authUrl: `${round}` },
      ];
      await Promise.all(
        patches.map((patch, index) => instances[index % 3]!.update('user', 'session', patch)),
      );
      const session = await own.sessions.get('user', 'session');
      assert.deepEqual(session, { ...session, ...Object.assign({}, ...patches) });
    }
  });

  declare('nothing deleted comes back', async (own) => {
    const peer = await own.peer();
    for (let round = 0; round < 10; round += 1) {
      await own.sessions.create(sessionOf(own));
      await Promise.allSettled([
        peer.get('user', 'session'),
        peer.update('user', 'session', { serverName: 'b' }),
        own.sessions.delete('user', 'session'),
        own.sessions.update('user', 'session', { serverName: 'a' }),
        peer.list('user'),
      ]);
      assert.equal(await own.sessions.get('user', 'session'), null);
      assert.deepEqual(await peer.listAllIds(), []);
      const late = peer.update('user', 'session', { serverName: 'c' });
      await assert.rejects(late, { code: 'SESSION_NOT_FOUND' });
    }
  });

  declare('many sessions created at the same time are all there', async (own) => {
    const instances = [own.sessions, await own.peer()];
    const ids = Array.from({ length: 100 }, (_, index) => `session ${index}`);
    await Promise.all(
      ids.map((sessionId, index) => instances[index % 2]!.create(sessionOf(own, { sessionId }))),
    );
    assert.deepEqual((await own.sessions.listIds('user')).toSorted(), ids.toSorted());
    assert.equal((await instances[1]!.list('user')).length, ids.length);
  });
}
