import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventId, ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { eventually } from './eventually.js';
import type { ManagerCase } from './stream-manager.contract.js';
import {
  appendAll,
  assertReceives,
  assertRejects,
  connect,
  EVENTS_LOST,
  frame,
  HOSTILE_IDS,
  MAIN,
  REQUEST,
} from './stream-manager-steps.js';

const MAX_AGE_MS = 150;

/** Events that are no longer kept, and event ids that say nothing true. */
export function streamManagerLoss(managerCase: ManagerCase<ResumableStreamManager>): void {
  managerCase(
    'P2 a client that missed more events than are kept is told so, before it gets the rest',
    async (manager) => {
      const priming = await manager.position(MAIN);
      const ids = await appendAll(manager, MAIN, ['1', '2', '3', '4', '5', '6']);
      const late = await connect(manager, MAIN, priming);
      await assertReceives(late, ['3', '4', '5', '6']);
      assert.deepEqual(late.content.comments, [EVENTS_LOST]);
      assert.ok(late.text.startsWith(`: ${EVENTS_LOST}\n\n`));
      const alsoLate = await connect(manager, MAIN, ids[0]);
      await assertReceives(alsoLate, ['3', '4', '5', '6']);
      assert.deepEqual(alsoLate.content.comments, [EVENTS_LOST]);
      const inTime = await connect(manager, MAIN, ids[1]);
      await assertReceives(inTime, ['3', '4', '5', '6']);
      assert.deepEqual(inTime.content.comments, []);
    },
    { maxEvents: 4 },
  );

  managerCase(
    'P2 lost broadcasts are signalled, too',
    async (manager) => {
      const priming = await manager.position(MAIN);
      await appendAll(manager, MAIN, ['1']);
      for (const data of ['2', '3', '4', '5', '6']) await manager.send(undefined, frame(data));
      const late = await connect(manager, MAIN, priming);
      await assertReceives(late, ['1', '3', '4', '5', '6']);
      assert.deepEqual(late.content.comments, [EVENTS_LOST]);
    },
    { maxEvents: 4 },
  );

  managerCase(
    'P2 a loss is signalled to the first connection without an id, and only to that one',
    async (manager) => {
      await manager.position(MAIN);
      await appendAll(manager, MAIN, ['1', '2', '3', '4', '5']);
      const late = await connect(manager, MAIN);
      await assertReceives(late, ['2', '3', '4', '5']);
      assert.deepEqual(late.content.comments, [EVENTS_LOST]);
      await manager.release(MAIN, late);
      const next = await connect(manager, MAIN);
      await appendAll(manager, MAIN, ['6']);
      await assertReceives(next, ['6']);
      assert.deepEqual(next.content.comments, []);
    },
    { maxEvents: 4 },
  );

  managerCase(
    'P2 a client that missed events which are too old is told so',
    async (manager) => {
      const priming = await manager.position(MAIN);
      await appendAll(manager, MAIN, ['old']);
      await manager.send(undefined, frame('old'));
      await delay(2 * MAX_AGE_MS);
      const [young] = await appendAll(manager, MAIN, ['young']);
      const late = await connect(manager, MAIN, priming);
      await assertReceives(late, ['young']);
      assert.deepEqual(late.content.comments, [EVENTS_LOST]);
      const inTime = await connect(manager, MAIN, young);
      await appendAll(manager, MAIN, ['live']);
      await assertReceives(inTime, ['live']);
      assert.deepEqual(inTime.content.comments, []);
    },
    { maxAgeMs: MAX_AGE_MS },
  );

  managerCase(
    'P2 a broadcast that is too old is not replayed, and its loss is signalled',
    async (manager) => {
      const priming = await manager.position(MAIN);
      await manager.send(undefined, frame('old'));
      await delay(2 * MAX_AGE_MS);
      const late = await connect(manager, MAIN, priming);
      await appendAll(manager, MAIN, ['live']);
      await assertReceives(late, ['live']);
      assert.deepEqual(late.content.comments, [EVENTS_LOST]);
    },
    { maxAgeMs: MAX_AGE_MS },
  );

  managerCase(
    'P2 a loss is signalled once, although nothing is left to replay',
    async (manager) => {
      await manager.position(MAIN);
      await appendAll(manager, MAIN, ['old']);
      await manager.send(undefined, frame('old'));
      await delay(2 * MAX_AGE_MS);
      const late = await connect(manager, MAIN);
      await eventually('the loss is signalled', () => late.content.comments.length > 0);
      const primingAgain = await manager.position(MAIN);
      await manager.release(MAIN, late);
      for (const after of [undefined, primingAgain]) {
        const next = await connect(manager, MAIN, after);
        await appendAll(manager, MAIN, ['live']);
        await eventually('the event arrives', () => next.data.includes('live'));
        assert.deepEqual([...late.content.comments, ...next.content.comments], [EVENTS_LOST]);
      }
    },
    { maxAgeMs: MAX_AGE_MS },
  );

  managerCase(
    'P2 a request stream that has ended and of which nothing is left is lost',
    async (manager) => {
      const priming = await manager.position(REQUEST);
      await manager.append(REQUEST, frame('answer'), { last: true });
      await delay(2 * MAX_AGE_MS);
      await assertRejects(connect(manager, REQUEST, priming), 'STREAM_LOST');
    },
    { maxAgeMs: MAX_AGE_MS },
  );

  managerCase(
    'P2 a request that runs longer than its events are kept still gets its answer to the client',
    async (manager) => {
      const priming = await manager.position(REQUEST);
      await appendAll(manager, REQUEST, ['old']);
      await delay(2 * MAX_AGE_MS);
      await manager.append(REQUEST, frame('answer'), { last: true });
      const late = await connect(manager, REQUEST, priming);
      await assertReceives(late, ['answer']);
      assert.deepEqual(late.content.comments, [EVENTS_LOST]);
    },
    { maxAgeMs: MAX_AGE_MS },
  );

  managerCase('P2 an id that is malformed is refused', async (manager) => {
    const id = await manager.position(MAIN);
    await appendAll(manager, MAIN, ['1']);
    for (const malformed of [
      '',
      ' ',
      'x',
      '0',
      `${id} `,
      `${id}\n`,
      `x${id}`,
      '%',
      '...',
      '🦊',
      ...HOSTILE_IDS,
    ]) {
      await assertRejects(connect(manager, MAIN, malformed), 'INVALID_EVENT_ID');
      await assertRejects(() => manager.streamOf('session', malformed), 'INVALID_EVENT_ID');
    }
  });

  managerCase(
    'P2 an id of another session is refused, and nothing of either changes hands',
    async (manager) => {
      const holder = await connect(manager, MAIN);
      const foreign = { ...MAIN, sessionId: 'foreign' };
      const foreignHolder = await connect(manager, foreign);
      const [id] = await appendAll(manager, foreign, ['secret']);
      await appendAll(manager, MAIN, ['1']);
      await assertRejects(connect(manager, MAIN, id), 'INVALID_EVENT_ID');
      await assertRejects(() => manager.streamOf('session', id!), 'INVALID_EVENT_ID');
      await manager.delete('foreign');
      await assertRejects(connect(manager, MAIN, id), 'INVALID_EVENT_ID');
      await appendAll(manager, MAIN, ['2']);
      await assertReceives(holder, ['1', '2']);
      assert.equal(holder.closed, false);
      assert.deepEqual(foreignHolder.data, ['secret']);
    },
  );

  managerCase('P2 an id of another stream of the session is refused', async (manager) => {
    const id = await manager.position(MAIN);
    await manager.position(REQUEST);
    await assertRejects(connect(manager, REQUEST, id), 'INVALID_EVENT_ID');
  });

  managerCase('P2 an id that was never given out is refused, and nothing changes hands', async (manager) => {
    const one = await manager.position(MAIN);
    const two = await manager.append(MAIN, frame('1'));
    const holder = await connect(manager, MAIN);
    await assertReceives(holder, ['1']);
    for (const id of [`${two}z`, `${one}z`, `${two}zzzzzzz`]) {
      await assertRejects(connect(manager, MAIN, id), 'INVALID_EVENT_ID');
    }
    await appendAll(manager, MAIN, ['2']);
    await assertReceives(holder, ['1', '2']);
  });

  managerCase('P2 event ids are unique in their session, and fit into a header', async (manager) => {
    const ids = new Set<EventId>();
    const secret = 'session-id-that-nobody-may-see';
    for (const key of ['main', 'a', 'a.b', 'ü', 'x y']) {
      const stream = { sessionId: secret, key };
      const connection = await connect(manager, stream);
      await appendAll(manager, stream, ['1', '2', '3']);
      if (key === 'main') await manager.send(undefined, frame('4') + frame('5'));
      await assertReceives(connection, key === 'main' ? ['1', '2', '3', '4', '5'] : ['1', '2', '3']);
      for (const { id } of connection.content.events) {
        assert.match(id, /^[\x21-\x7e]+$/);
        assert.ok(!id.includes(secret));
        assert.deepEqual(manager.streamOf(secret, id), stream);
        ids.add(id);
      }
    }
    assert.equal(ids.size, 5 + 4 * 3);
  });

  managerCase('P2 an id that the text brings does not replace the one to resume behind', async (manager) => {
    const connection = await connect(manager, MAIN);
    await manager.send(['session'], 'id: 1\nevent: message\ndata: 1\n\n');
    await manager.send(undefined, 'data: 2\nid: 2\n\n');
    await manager.send(['session'], frame('3'));
    await assertReceives(connection, ['1', '2', '3']);
    const [one, two] = connection.content.events;
    await assertReceives(await connect(manager, MAIN, one!.id), ['2', '3']);
    await assertReceives(await connect(manager, MAIN, two!.id), ['3']);
  });
}
