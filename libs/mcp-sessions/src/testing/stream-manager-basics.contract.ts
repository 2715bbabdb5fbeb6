import assert from 'node:assert/strict';
import { eventually } from './eventually.js';
import { RecordingConnection } from './recording-connection.js';
import type { ManagerCase } from './stream-manager.contract.js';
import { assertReceives, frame, HOSTILE_IDS, openSessions } from './stream-manager-steps.js';

/** Streams come and go, and events reach the streams they are for. */
export function streamManagerBasics(managerCase: ManagerCase): void {
  managerCase('a session has a stream from create until delete', async (manager) => {
    assert.equal(await manager.has('session'), false);
    await manager.create('session', new RecordingConnection());
    assert.equal(await manager.has('session'), true);
    assert.equal(await manager.has('other'), false);
    await manager.delete('session');
    assert.equal(await manager.has('session'), false);
  });

  managerCase('an event reaches the session it is sent to', async (manager) => {
    const [connection] = await openSessions(manager, ['session']);
    await manager.send(['session'], 'event: greeting\ndata: hello\n\n');
    await assertReceives(connection!, ['hello']);
    assert.equal(connection!.content.events[0]!.event, 'greeting');
    assert.equal(connection!.closed, false);
  });

  managerCase('an event reaches several sessions, and none but those', async (manager) => {
    const [a, b, c] = await openSessions(manager, ['a', 'b', 'c']);
    await manager.send(['a', 'c'], frame('for a and c'));
    await manager.send([], frame('for nobody'));
    await manager.send(['b'], frame('for b'));
    await assertReceives(a!, ['for a and c']);
    await assertReceives(b!, ['for b']);
    await assertReceives(c!, ['for a and c']);
  });

  managerCase('an event for all reaches every session once', async (manager) => {
    const ids = Array.from({ length: 20 }, (_, index) => `session-${index}`);
    const connections = await openSessions(manager, ids);
    await manager.send(undefined, frame('for all'));
    for (const connection of connections) await assertReceives(connection, ['for all']);
  });

  managerCase('events for all reach nobody when nobody is there', async (manager) => {
    await manager.send(undefined, frame('early'));
    const [connection] = await openSessions(manager, ['session']);
    await manager.send(['session'], frame('later'));
    await assertReceives(connection!, ['later']);
  });

  managerCase('sessions that do not exist do no harm', async (manager) => {
    await manager.send(['absent'], frame('lost'));
    await manager.delete('absent');
    assert.equal(await manager.has('absent'), false);
    const [connection] = await openSessions(manager, ['session']);
    await manager.send(['absent', 'session', 'missing'], frame('found'));
    await assertReceives(connection!, ['found']);
  });

  managerCase('create on a session that has a stream closes the older connection', async (manager) => {
    const [older] = await openSessions(manager, ['session']);
    await manager.send(['session'], frame('first'));
    await assertReceives(older!, ['first']);
    const [newer] = await openSessions(manager, ['session']);
    await eventually('the older connection is closed', () => older!.closed);
    assert.equal(await manager.has('session'), true);
    await manager.send(['session'], frame('second'));
    await manager.send(undefined, frame('third'));
    await assertReceives(newer!, ['second', 'third']);
    await assertReceives(older!, ['first']);
    assert.equal(newer!.closed, false);
  });

  managerCase('delete ends one session and leaves the others', async (manager) => {
    const [deleted, other] = await openSessions(manager, ['deleted', 'other']);
    await manager.delete('deleted');
    await eventually('the connection is closed', () => deleted!.closed);
    await manager.delete('deleted');
    await manager.send(undefined, frame('for all'));
    await assertReceives(other!, ['for all']);
    assert.deepEqual(deleted!.data, []);
    assert.equal(other!.closed, false);
    assert.equal(await manager.has('other'), true);
  });

  managerCase('a session can come back after it was deleted', async (manager) => {
    await openSessions(manager, ['session']);
    await manager.delete('session');
    const [connection] = await openSessions(manager, ['session']);
    assert.equal(await manager.has('session'), true);
    await manager.send(['session'], frame('again'));
    await assertReceives(connection!, ['again']);
  });

  managerCase('P2 any string is a session id, and no event reaches another session', async (manager) => {
    const connections = await openSessions(manager, HOSTILE_IDS);
    for (const [index, id] of HOSTILE_IDS.entries()) await manager.send([id], frame(`for ${index}`));
    for (const [index, connection] of connections.entries()) {
      await assertReceives(connection, [`for ${index}`]);
    }
    const left = new Set(HOSTILE_IDS.keys());
    for (const [index, id] of HOSTILE_IDS.entries()) {
      await manager.delete(id);
      left.delete(index);
      await eventually('the connection is closed', () => connections[index]!.closed);
      assert.equal(await manager.has(id), false);
      for (const other of left) assert.equal(connections[other]!.closed, false);
    }
  });

  managerCase('P2 the order of events is kept when nobody waits between them', async (manager) => {
    const [a, b] = await openSessions(manager, ['a', 'b']);
    const numbers = Array.from({ length: 100 }, (_, index) => `${index}`);
    await Promise.all(
      numbers.map((number, index) => manager.send(index % 2 ? ['a', 'b'] : ['b', 'a'], frame(number))),
    );
    await assertReceives(a!, numbers);
    await assertReceives(b!, numbers);
  });

  managerCase('P2 events for different sessions at the same time reach theirs only', async (manager) => {
    const ids = Array.from({ length: 20 }, (_, index) => `session-${index}`);
    const connections = await openSessions(manager, ids);
    const rounds = Array.from({ length: 10 }, (_, round) => round);
    await Promise.all(
      rounds.flatMap((round) => ids.map((id) => manager.send([id], frame(`${round} for ${id}`)))),
    );
    for (const [index, connection] of connections.entries()) {
      await assertReceives(
        connection,
        rounds.map((round) => `${round} for ${ids[index]}`),
      );
    }
  });

  managerCase('several events in one text arrive as several events', async (manager) => {
    const [connection] = await openSessions(manager, ['session']);
    await manager.send(['session'], `${frame('one')}: a comment\n\n${frame('two')}${frame('three')}`);
    await manager.send(undefined, `${frame('four')}${frame('five')}`);
    await assertReceives(connection!, ['one', 'two', 'three', 'four', 'five']);
  });

  managerCase('text arrives as it was sent', async (manager) => {
    const [connection] = await openSessions(manager, ['session']);
    const json = JSON.stringify({ text: 'Ĉ 🦊 \u2028id: 1\u2029 \r\n "quoted" id: 2', empty: '' });
    const long = 'é🦊'.repeat(50_000);
    await manager.send(['session'], frame(json));
    await manager.send(['session'], 'data: two\ndata: lines\n\n');
    await manager.send(['session'], frame(long));
    await assertReceives(connection!, [json, 'two\nlines', long]);
  });

  managerCase('close ends every connection, and can be called again', async (manager) => {
    if (!manager.close) return;
    const connections = await openSessions(manager, ['a', 'b', 'c']);
    await manager.close();
    for (const connection of connections)
      await eventually('the connection is closed', () => connection.closed);
    await manager.close();
  });
}
