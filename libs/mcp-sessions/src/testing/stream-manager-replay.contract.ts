import assert from 'node:assert/strict';
import type { EventId, ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { RecordingConnection } from './recording-connection.js';
import type { ManagerCase } from './stream-manager.contract.js';
import {
  appendAll,
  assertClosed,
  assertReceives,
  assertRejects,
  connect,
  frame,
  MAIN,
  openSessions,
  REQUEST,
} from './stream-manager-steps.js';

/** A stream goes on where its connection broke off. */
export function streamManagerReplay(managerCase: ManagerCase<ResumableStreamManager>): void {
  managerCase('P2 a client resumes behind any event, without loss and without doubles', async (manager) => {
    const first = await connect(manager, MAIN);
    const other = await connect(manager, { ...MAIN, sessionId: 'other' });
    await manager.send(['session'], frame('own 1'));
    await manager.send(undefined, frame('all 1') + frame('all 2'));
    await manager.send(['other'], frame('not for this session'));
    await manager.send(['session'], frame('own 2') + frame('own 3'));
    await manager.send(undefined, frame('all 3'));
    await manager.send(['session', 'other'], frame('own 4'));
    const expected = ['own 1', 'all 1', 'all 2', 'own 2', 'own 3', 'all 3', 'own 4'];
    await assertReceives(first, expected);
    await assertReceives(other, ['all 1', 'all 2', 'not for this session', 'all 3', 'own 4']);
    for (const [index, { id }] of first.content.events.entries()) {
      await manager.release(MAIN);
      const resumed = await connect(manager, MAIN, id);
      await assertReceives(resumed, expected.slice(index + 1));
      assert.deepEqual(resumed.content.comments, []);
    }
  });

  managerCase('P2 a replayed event carries an id to resume behind, too', async (manager) => {
    const first = await connect(manager, MAIN);
    await appendAll(manager, MAIN, ['1', '2', '3', '4']);
    await manager.send(undefined, frame('5'));
    await assertReceives(first, ['1', '2', '3', '4', '5']);
    let after = first.content.events[0]!.id;
    for (const expected of [['2', '3', '4', '5'], ['3', '4', '5'], ['4', '5'], ['5'], []]) {
      await manager.release(MAIN);
      const resumed = await connect(manager, MAIN, after);
      await assertReceives(resumed, expected);
      after = resumed.content.events[0]?.id ?? after;
    }
  });

  managerCase('P2 the id that append answers is one to resume behind', async (manager) => {
    await manager.position(MAIN);
    const [first] = await appendAll(manager, MAIN, ['1']);
    await manager.send(undefined, frame('2'));
    const [third] = await appendAll(manager, MAIN, ['3']);
    const [, fifth] = await appendAll(manager, MAIN, ['4', '5']);
    await assertReceives(await connect(manager, MAIN, first), ['2', '3', '4', '5']);
    await assertReceives(await connect(manager, MAIN, third), ['4', '5']);
    const last = await connect(manager, MAIN, fifth);
    await appendAll(manager, MAIN, ['6']);
    await assertReceives(last, ['6']);
  });

  managerCase(
    'P2 events sent while nobody was connected arrive with the next connection',
    async (manager) => {
      await manager.position(MAIN);
      await manager.send(['session'], frame('1'));
      await manager.send(undefined, frame('2'));
      const [first] = await openSessions(manager, ['session']);
      await assertReceives(first!, ['1', '2']);
      await manager.release(MAIN, first!);
      await manager.send(['session'], frame('3'));
      await manager.send(undefined, frame('4'));
      await manager.send(['session'], frame('5'));
      const second = await connect(manager, MAIN);
      await manager.send(['session'], frame('6'));
      await assertReceives(second, ['3', '4', '5', '6']);
      assert.deepEqual(second.content.comments, []);
    },
  );

  managerCase('P2 position says where a client can resume from before it has any event', async (manager) => {
    const atStart = await manager.position(MAIN);
    await manager.send(['session'], frame('1'));
    await manager.send(undefined, frame('2'));
    assert.deepEqual(await manager.position(MAIN), atStart);
    const first = await connect(manager, MAIN);
    await assertReceives(first, ['1', '2']);
    const behindTwo = await manager.position(MAIN);
    await manager.send(['session'], frame('3'));
    await assertReceives(first, ['1', '2', '3']);
    await assertReceives(await connect(manager, MAIN, atStart), ['1', '2', '3']);
    await assertReceives(await connect(manager, MAIN, behindTwo), ['3']);
    assert.deepEqual(manager.streamOf('session', atStart), MAIN);
  });

  managerCase('P2 open says where a connection starts, before it hands out anything', async (manager) => {
    await manager.position(MAIN);
    const [, second] = await appendAll(manager, MAIN, ['1', '2', '3']);
    const opened = async (after?: EventId) => {
      const connection = new RecordingConnection();
      const positions: EventId[] = [];
      const onPosition = (position: EventId): void => {
        assert.equal(connection.text, '');
        positions.push(position);
      };
      await manager.open(MAIN, connection, { ...(after !== undefined && { after }), onPosition });
      return { connection, positions };
    };
    const first = await opened();
    await assertReceives(first.connection, ['1', '2', '3']);
    assert.equal(first.positions.length, 1);
    await assertReceives(await connect(manager, MAIN, first.positions[0]), ['1', '2', '3']);
    const resumed = await opened(second);
    await assertReceives(resumed.connection, ['3']);
    await assertReceives(await connect(manager, MAIN, resumed.positions[0]), ['3']);
  });

  managerCase(
    'P2 a request that is still running is resumed: replay, live events, the end',
    async (manager) => {
      const priming = await manager.position(REQUEST);
      const first = await connect(manager, REQUEST);
      await appendAll(manager, REQUEST, ['progress 1', 'progress 2']);
      await assertReceives(first, ['progress 1', 'progress 2']);
      await manager.release(REQUEST, first);
      await appendAll(manager, REQUEST, ['progress 3']);
      const second = await connect(manager, REQUEST, first.content.events[0]!.id);
      await appendAll(manager, REQUEST, ['progress 4']);
      await manager.append(REQUEST, frame('answer'), { last: true });
      await assertReceives(second, ['progress 2', 'progress 3', 'progress 4', 'answer']);
      await assertClosed(second);
      const whole = await connect(manager, REQUEST, priming);
      await assertReceives(whole, ['progress 1', 'progress 2', 'progress 3', 'progress 4', 'answer']);
      await assertClosed(whole);
    },
  );

  managerCase(
    'P2 a request that has ended is replayed and closed, as often as it is asked for',
    async (manager) => {
      const priming = await manager.position(REQUEST);
      await appendAll(manager, REQUEST, ['progress']);
      const answer = await manager.append(REQUEST, frame('answer'), { last: true });
      for (let attempt = 0; attempt < 8; attempt += 1) {
        const resumed = await connect(manager, REQUEST, priming);
        await assertReceives(resumed, ['progress', 'answer']);
        await assertClosed(resumed);
      }
      const satisfied = await connect(manager, REQUEST, answer);
      await assertClosed(satisfied);
      assert.deepEqual(satisfied.data, []);
      const pending = await connect(manager, { ...REQUEST, key: 'other' });
      assert.equal(pending.closed, false);
    },
  );

  managerCase(
    'the last event of a stream ends its connection, whether or not it has text',
    async (manager) => {
      for (const [key, last] of Object.entries({
        answered: frame('answer'),
        cancelled: ': cancelled\n\n',
        silent: '',
      })) {
        const stream = { ...REQUEST, key };
        const connection = await connect(manager, stream);
        await manager.append(stream, last, { last: true });
        await assertClosed(connection);
      }
    },
  );

  managerCase('P3 behind the end of a stream comes nothing', async (manager) => {
    const priming = await manager.position(REQUEST);
    const connection = await connect(manager, REQUEST);
    await manager.append(REQUEST, frame('answer'), { last: true });
    await manager.append(REQUEST, frame('another answer'), { last: true });
    await appendAll(manager, REQUEST, ['late']);
    await assertReceives(connection, ['answer']);
    const resumed = await connect(manager, REQUEST, priming);
    await assertReceives(resumed, ['answer']);
    await assertClosed(resumed);
  });

  managerCase(
    'P2 a request that has no events yet is resumed, however many others have ended meanwhile',
    async (manager) => {
      const priming = await manager.position(REQUEST);
      const first = await connect(manager, REQUEST);
      await manager.release(REQUEST, first);
      for (let other = 0; other < 60; other += 1) {
        const stream = { ...REQUEST, key: `other-${other}` };
        await connect(manager, stream);
        await manager.append(stream, frame('answer'), { last: true });
      }
      const resumed = await connect(manager, REQUEST, priming);
      await manager.append(REQUEST, frame('answer'), { last: true });
      await assertReceives(resumed, ['answer']);
      await assertClosed(resumed);
    },
  );

  managerCase('P2 broadcasts do not reach request streams', async (manager) => {
    const main = await connect(manager, MAIN);
    const request = await connect(manager, REQUEST);
    await manager.send(undefined, frame('for all'));
    await appendAll(manager, REQUEST, ['progress']);
    await assertReceives(main, ['for all']);
    await assertReceives(request, ['progress']);
    const resumed = await connect(manager, REQUEST);
    await appendAll(manager, REQUEST, ['more']);
    await assertReceives(resumed, ['more']);
  });

  managerCase('P2 the streams of a session have their own events and connections', async (manager) => {
    const keys = ['main', 'a', 'b', '__proto__', 'a.b', 'a:b', 'ü %2E', 'x'.repeat(500), ''];
    const streams = keys.map((key) => ({ sessionId: 'session', key }));
    const connections: RecordingConnection[] = [];
    for (const stream of streams) connections.push(await connect(manager, stream));
    for (const stream of streams) await appendAll(manager, stream, [`for ${stream.key}`]);
    for (const [index, stream] of streams.entries()) {
      await assertReceives(connections[index]!, [`for ${stream.key}`]);
      assert.deepEqual(manager.streamOf('session', connections[index]!.content.lastEventId), stream);
    }
    await manager.delete('session');
    for (const connection of connections) await assertClosed(connection);
  });

  managerCase('only the main stream counts as the stream of a session', async (manager) => {
    const request = await connect(manager, REQUEST);
    assert.equal(await manager.has('session'), false);
    await manager.send(['session'], frame('for the main stream'));
    await appendAll(manager, REQUEST, ['for the request']);
    await assertReceives(request, ['for the request']);
    const main = await connect(manager, MAIN);
    await assertReceives(main, ['for the main stream']);
    assert.equal(await manager.has('session'), true);
    await manager.release(MAIN, main);
    assert.equal(await manager.has('session'), false);
    assert.equal(request.closed, false);
  });

  managerCase('P2 delete forgets what was kept', async (manager) => {
    const before = await manager.position(REQUEST);
    const mainBefore = await manager.position(MAIN);
    await appendAll(manager, REQUEST, ['secret']);
    await appendAll(manager, MAIN, ['secret']);
    await manager.delete('session');
    assert.equal(await manager.has('session'), false);
    await assertRejects(connect(manager, REQUEST, before), 'STREAM_LOST');
    const main = await connect(manager, MAIN, mainBefore);
    await appendAll(manager, MAIN, ['new']);
    await assertReceives(main, ['new']);
    const request = await connect(manager, REQUEST);
    await appendAll(manager, REQUEST, ['new']);
    await assertReceives(request, ['new']);
  });
}
