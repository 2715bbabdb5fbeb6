import assert from 'node:assert/strict';
import type { Session } from '../client-sessions/sessions.interface.js';
import { sessionOf, type DeclareSessionsCase } from './client-sessions-case.js';

/** Ids that collide, vanish or turn into patterns and prototypes in careless code. */
const HOSTILE_IDS = [
  '',
  ' ',
  '__proto__',
  'a',
  'A',
  'a:b',
  'a:b:c',
  '*',
  'a*',
  '{x}',
  '{x}y',
  'a\r\nb',
  '%61',
  '🦊',
];

/** Pairs of user and session ids that read the same when they are joined. */
const HOSTILE_PAIRS: [userId: string, sessionId: string][] = [
  ['a', 'b:c'],
  ['a:b', 'c'],
  ['a:b:c', ''],
  ['', 'a:b:c'],
  ['a","b', 'c'],
  ['a', 'b","c'],
  ['{a}', 'b'],
  ['a', '{a}b'],
];

const FULL_FIELDS: Partial<Session> = {
  serverId: 'server',
  serverName: 'Ĉ 🦊',
  transportType: 'sse',
  headers: { 'X-Api-Key': 'k', ...(JSON.parse('{"__proto__":"x"}') as object) },
  authUrl: 'https://issuer.example.com/authorize?state=s',
  metadata: { empty: '', text: 'line\nbreak "quoted" \\ \u2028' },
  clientInformation: { client_id: 'c', redirect_uris: [], nested: { empty: {}, list: [[]], nothing: null } },
  tokens: { access_token: 'a', token_type: 'Bearer', expires_in: 0.5, largest: Number.MAX_SAFE_INTEGER },
  codeVerifier: '',
  clientId: 'c',
  oauthState: { state: 's' },
  discoveryState: { authorizationServerUrl: 'https://issuer.example.com' },
};

/** Reading, storing and removing. */
export function sessionsBasics(declare: DeclareSessionsCase): void {
  declare('a session that is not there is null, and in no list', async ({ sessions }) => {
    for (const id of HOSTILE_IDS) {
      assert.equal(await sessions.get(id, id), null);
      assert.deepEqual(await sessions.list(id), []);
      assert.deepEqual(await sessions.listIds(id), []);
    }
    assert.deepEqual(await sessions.listAllIds(), []);
  });

  declare('what is created comes back, every field of it', async (own) => {
    const session = sessionOf(own, FULL_FIELDS);
    await own.sessions.create(session);
    const peer = await own.peer();
    assert.deepEqual(await peer.get('user', 'session'), session);
    assert.deepEqual(await peer.list('user'), [session]);
    assert.equal((Object.prototype as { polluted?: unknown }).polluted, undefined);
  });

  declare('fields that are null or undefined are absent', async (own) => {
    await own.sessions.create(sessionOf(own, { tokens: null, authUrl: null, serverName: undefined }));
    assert.deepEqual(await own.sessions.get('user', 'session'), sessionOf(own));
  });

  declare('an id that is taken is refused, and what has it stays', async (own) => {
    await own.sessions.create(sessionOf(own, { serverName: 'first' }));
    const again = (await own.peer()).create(sessionOf(own, { serverName: 'second' }));
    await assert.rejects(again, { name: 'SessionAlreadyExistsError', code: 'SESSION_ALREADY_EXISTS' });
    assert.equal((await own.sessions.get('user', 'session'))?.serverName, 'first');
  });

  declare('a session that lacks a field, or has a wrong one, is refused', async (own) => {
    const wrong: Record<string, unknown>[] = [
      { serverUrl: undefined },
      { callbackUrl: null },
      { userId: 1 },
      { sessionId: undefined },
      { createdAt: NaN },
      { createdAt: -1 },
      { createdAt: 1e21 },
      { transportType: 'stdio' },
      { status: 'closed' },
    ];
    for (const fields of wrong) {
      const created = own.sessions.create(sessionOf(own, fields as Partial<Session>));
      await assert.rejects(created, { code: 'INVALID_SESSION' }, JSON.stringify(fields));
    }
    assert.deepEqual(await own.sessions.listAllIds(), []);
  });

  declare('older spellings of the transport are understood', async (own) => {
    await own.sessions.create(sessionOf(own, { transportType: 'streamable_http' as 'streamable-http' }));
    assert.equal((await own.sessions.get('user', 'session'))?.transportType, 'streamable-http');
  });

  declare('what happens to an object before or after changes nothing', async (own) => {
    const session = sessionOf(own, { metadata: { a: '1' } });
    const creating = own.sessions.create(session);
    session.metadata!['a'] = '2';
    await creating;
    const metadata = { b: '1' };
    const updating = own.sessions.update('user', 'session', { metadata });
    metadata.b = '2';
    await updating;
    const read = await own.sessions.get('user', 'session');
    read!.metadata!['c'] = '3';
    assert.deepEqual((await own.sessions.get('user', 'session'))?.metadata, { b: '1' });
  });

  declare('no two users share a session, whatever their ids', async (own) => {
    const pairs = [...HOSTILE_PAIRS, ...HOSTILE_IDS.map((id) => [id, id] as [string, string])];
    for (const [userId, sessionId] of pairs) {
      await own.sessions.create(sessionOf(own, { userId, sessionId, serverName: `${userId} ${sessionId}` }));
    }
    const peer = await own.peer();
    for (const [userId, sessionId] of pairs) {
      await peer.update(userId, sessionId, { clientId: `${userId} ${sessionId}` });
    }
    for (const [userId, sessionId] of pairs) {
      const { serverName, clientId } = (await peer.get(userId, sessionId))!;
      assert.deepEqual([serverName, clientId], [`${userId} ${sessionId}`, `${userId} ${sessionId}`]);
      const ids = pairs.filter(([owner]) => owner === userId).map(([, id]) => id);
      assert.deepEqual((await peer.listIds(userId)).toSorted(), ids.toSorted());
      assert.equal((await peer.list(userId)).length, ids.length);
    }
    assert.deepEqual((await peer.listAllIds()).toSorted(), pairs.map(([, id]) => id).toSorted());
  });

  declare('delete removes one session, and only that one', async (own) => {
    await own.sessions.delete('user', 'absent');
    for (const [userId, sessionId] of HOSTILE_PAIRS)
      await own.sessions.create(sessionOf(own, { userId, sessionId }));
    for (const [index, [userId, sessionId]] of HOSTILE_PAIRS.entries()) {
      await own.sessions.delete(userId, sessionId);
      await own.sessions.delete(userId, sessionId);
      assert.equal(await own.sessions.get(userId, sessionId), null);
      assert.equal((await own.sessions.listAllIds()).length, HOSTILE_PAIRS.length - index - 1);
    }
  });

  declare('an id that two users have is listed twice; one of them can be deleted', async (own) => {
    await own.sessions.create(sessionOf(own, { userId: 'one' }));
    await own.sessions.create(sessionOf(own, { userId: 'two' }));
    assert.deepEqual(await own.sessions.listAllIds(), ['session', 'session']);
    await own.sessions.delete('one', 'session');
    assert.deepEqual(await own.sessions.listAllIds(), ['session']);
    assert.ok(await own.sessions.get('two', 'session'));
  });

  declare('clearAll removes everything, and sessions can be created anew', async (own) => {
    for (let index = 0; index < 30; index += 1) {
      await own.sessions.create(sessionOf(own, { userId: `user ${index % 7}`, sessionId: `${index}` }));
    }
    const peer = await own.peer();
    await peer.clearAll();
    assert.deepEqual(await own.sessions.listAllIds(), []);
    assert.deepEqual(await own.sessions.list('user 1'), []);
    await own.sessions.create(sessionOf(own, { userId: 'user 1', sessionId: '1' }));
    assert.deepEqual(await peer.listAllIds(), ['1']);
  });

  declare('an instance can be used again after disconnect', async (own) => {
    await own.sessions.disconnect();
    await own.sessions.create(sessionOf(own));
    await own.sessions.disconnect();
    await own.sessions.disconnect();
    assert.deepEqual(await own.sessions.get('user', 'session'), sessionOf(own));
    await own.sessions.disconnect();
    await own.sessions.update('user', 'session', { serverName: 'again' });
    assert.equal((await own.sessions.list('user'))[0]?.serverName, 'again');
  });

  declare('ids that are generated are all different, and fit into URLs and names', async ({ sessions }) => {
    const ids = Array.from({ length: 1_000 }, () => sessions.generateSessionId());
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[\w-]{16,64}$/);
  });
}
