import assert from 'node:assert/strict';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { eventually } from './eventually.js';
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
  REQUEST,
} from './stream-manager-steps.js';

/** Takeovers that a stream goes through in ten seconds before newcomers are refused. */
const TAKEOVERS = 5;

/** Streams change hands: taken over, let go of, cut off. */
export function streamManagerHandover(managerCase: ManagerCase<ResumableStreamManager>): void {
  managerCase('the newest connection takes the stream over', async (manager) => {
    for (const stream of [MAIN, REQUEST]) {
      const older = await connect(manager, stream);
      await appendAll(manager, stream, ['1']);
      await assertReceives(older, ['1']);
      const newer = await connect(manager, stream);
      await assertClosed(older);
      await appendAll(manager, stream, ['2']);
      await assertReceives(newer, ['2']);
      assert.deepEqual(older.data, ['1']);
    }
  });

  managerCase('P2 release by a former connection does not touch its successor', async (manager) => {
    for (const stream of [MAIN, REQUEST]) {
      const older = await connect(manager, stream);
      const newer = await connect(manager, stream);
      await assertClosed(older);
      await manager.release(stream, older);
      await manager.release(stream, new RecordingConnection());
      await appendAll(manager, stream, ['still here']);
      await assertReceives(newer, ['still here']);
      assert.equal(newer.closed, false);
    }
    assert.equal(await manager.has('session'), true);
  });

  managerCase('P2 release without a connection closes it, and the stream goes on', async (manager) => {
    for (const stream of [MAIN, REQUEST]) {
      const first = await connect(manager, stream);
      await appendAll(manager, stream, ['1']);
      await assertReceives(first, ['1']);
      await manager.release(stream);
      await assertClosed(first);
      await appendAll(manager, stream, ['2']);
      const second = await connect(manager, stream);
      await appendAll(manager, stream, ['3']);
      await assertReceives(second, ['2', '3']);
    }
  });

  managerCase('release of a stream that nobody holds does no harm', async (manager) => {
    await manager.release(MAIN);
    await manager.release(REQUEST, new RecordingConnection());
    assert.equal(await manager.has('session'), false);
    const connection = await connect(manager, MAIN);
    await manager.release(MAIN, connection);
    await manager.release(MAIN, connection);
    await manager.release(MAIN);
    assert.equal(await manager.has('session'), false);
  });

  managerCase('P4 a slow reader is cut off, and resumes without loss', async (manager) => {
    for (const stream of [MAIN, REQUEST]) {
      const slow = await connect(manager, stream);
      const quick = await connect(manager, { ...stream, sessionId: 'quick' });
      slow.desiredSize = 1;
      await appendAll(manager, stream, ['1']);
      await assertReceives(slow, ['1']);
      slow.desiredSize = 0;
      await appendAll(manager, stream, ['2']);
      await assertClosed(slow);
      await appendAll(manager, stream, ['3']);
      await appendAll(manager, { ...stream, sessionId: 'quick' }, ['4']);
      await assertReceives(quick, ['4']);
      assert.deepEqual(slow.data, ['1']);
      await assertReceives(await connect(manager, stream, slow.content.lastEventId), ['2', '3']);
    }
  });

  managerCase('P4 a slow reader among many costs the others no broadcast', async (manager) => {
    const [quick, slow, negative] = [
      await connect(manager, { ...MAIN, sessionId: 'quick' }),
      await connect(manager, { ...MAIN, sessionId: 'slow' }),
      await connect(manager, { ...MAIN, sessionId: 'negative' }),
    ];
    slow!.desiredSize = 0;
    negative!.desiredSize = -1;
    await manager.send(undefined, frame('1'));
    await manager.send(undefined, frame('2'));
    await assertReceives(quick!, ['1', '2']);
    for (const connection of [slow!, negative!]) await assertClosed(connection);
    for (const sessionId of ['slow', 'negative']) {
      assert.equal(await manager.has(sessionId), false);
      await assertReceives(await connect(manager, { ...MAIN, sessionId }), ['1', '2']);
    }
  });

  managerCase('P2 a slow reader of an answer is cut off, and the answer waits for it', async (manager) => {
    const slow = await connect(manager, REQUEST);
    slow.desiredSize = 0;
    await manager.append(REQUEST, frame('answer'), { last: true });
    await assertClosed(slow);
    const next = await connect(manager, REQUEST);
    await assertReceives(next, ['answer']);
    await assertClosed(next);
  });

  managerCase('P2 a connection that breaks amid the replay loses nothing', async (manager) => {
    const priming = await manager.position(MAIN);
    await appendAll(manager, MAIN, ['1', '2']);
    await manager.send(undefined, frame('3'));
    await appendAll(manager, MAIN, ['4']);
    let after = priming;
    for (const expected of ['1', '2', '3', '4']) {
      const connection = new RecordingConnection();
      connection.breaksAfter = 1;
      await manager.open(MAIN, connection, { after });
      await assertReceives(connection, [expected]);
      after = connection.content.lastEventId;
    }
    const broken = new RecordingConnection();
    broken.breaksAfter = 0;
    await manager.release(MAIN);
    await manager.open(MAIN, broken, { after: priming });
    await assertReceives(await connect(manager, MAIN, priming), ['1', '2', '3', '4']);
  });

  managerCase('P2 a connection that turns slow amid the replay loses nothing', async (manager) => {
    await manager.position(MAIN);
    await appendAll(manager, MAIN, ['1', '2', '3']);
    const slow = new RecordingConnection();
    const enqueue = slow.enqueue.bind(slow);
    slow.enqueue = (chunk) => {
      enqueue(chunk);
      slow.desiredSize = 0;
    };
    await manager.open(MAIN, slow);
    await assertReceives(slow, ['1']);
    await assertClosed(slow);
    await assertReceives(await connect(manager, MAIN), ['2', '3']);
  });

  managerCase(
    'P2 a connection that lets go of its stream from enqueue has had that event',
    async (manager) => {
      await manager.position(MAIN);
      await appendAll(manager, MAIN, ['1', '2', '3']);
      for (const expected of ['1', '2', '3']) {
        const connection = new RecordingConnection();
        const enqueue = connection.enqueue.bind(connection);
        const released: Promise<void>[] = [];
        connection.enqueue = (chunk) => {
          if (released.length > 0) throw new Error('The connection has let go');
          enqueue(chunk);
          released.push(manager.release(MAIN, connection));
        };
        await manager.open(MAIN, connection);
        await eventually('the connection lets go', () => released.length > 0);
        await Promise.all(released);
        assert.deepEqual(connection.data, [expected]);
      }
    },
  );

  managerCase(
    'P2 what is sent while a connection is being replayed to comes behind the replay',
    async (manager) => {
      const priming = await manager.position(MAIN);
      await appendAll(manager, MAIN, ['1', '2']);
      await manager.send(undefined, frame('3'));
      const connection = new RecordingConnection();
      const opened = manager.open(MAIN, connection);
      const sent = [manager.send(['session'], frame('4')), manager.append(MAIN, frame('5'))];
      await Promise.all([opened, ...sent]);
      await assertReceives(connection, ['1', '2', '3', '4', '5']);
      await assertReceives(await connect(manager, MAIN, priming), ['1', '2', '3', '4', '5']);
    },
  );

  managerCase('two connections at once: one holds the stream, the other is closed', async (manager) => {
    const connections = [new RecordingConnection(), new RecordingConnection()];
    await Promise.all(connections.map((connection) => manager.open(MAIN, connection)));
    await manager.send(['session'], frame('1'));
    await eventually('one is closed', () => connections.some(({ closed }) => closed));
    const holder = connections.find(({ closed }) => !closed)!;
    await assertReceives(holder, ['1']);
    assert.equal(connections.filter(({ closed }) => closed).length, 1);
    assert.equal(
      connections.reduce((count, { data }) => count + data.length, 0),
      1,
    );
  });

  managerCase(
    'P4 clients that take a stream from each other are refused, and the holder keeps it',
    async (manager) => {
      let holder = await connect(manager, MAIN);
      for (let takeover = 0; takeover < TAKEOVERS; takeover += 1) holder = await connect(manager, MAIN);
      const refused = new RecordingConnection();
      await assertRejects(manager.open(MAIN, refused), 'STREAM_CONTENDED');
      await assertRejects(manager.create('session', refused), 'STREAM_CONTENDED');
      await appendAll(manager, MAIN, ['for the holder']);
      await assertReceives(holder, ['for the holder']);
      assert.deepEqual(refused.data, []);
      await manager.release(MAIN, refused);
      assert.equal(await manager.has('session'), true);
      await connect(manager, { ...MAIN, sessionId: 'other' });

      await manager.release(MAIN, holder);
      await assertReceives(await connect(manager, MAIN), []);
    },
  );

  managerCase('P4 a holder that takes no more writes gives way to any newcomer', async (manager) => {
    for (let takeover = 0; takeover < 3 * TAKEOVERS; takeover += 1) {
      const holder = await connect(manager, MAIN);
      holder.desiredSize = 0;
    }
    await appendAll(manager, MAIN, ['1']);
    await assertReceives(await connect(manager, MAIN), ['1']);
  });
}
