import assert from 'node:assert/strict';
import { isResumable, type ResumableStreamManager } from '../streams/stream-manager.interface.js';
import type { ClusterCase, ManagerCase } from './stream-manager.contract.js';
import {
  appendAll,
  assertClosed,
  assertReceives,
  connect,
  frame,
  MAIN,
  REQUEST,
} from './stream-manager-steps.js';

/** The methods that a resumable manager may leave out. */
export function streamManagerExtras(managerCase: ManagerCase<ResumableStreamManager>): void {
  managerCase('hasEnded says whether the last event of a stream has been appended', async (manager) => {
    if (!manager.hasEnded) return;
    assert.equal(await manager.hasEnded(REQUEST), false);
    const connection = await connect(manager, REQUEST);
    await appendAll(manager, REQUEST, ['1']);
    assert.equal(await manager.hasEnded(REQUEST), false);
    await manager.release(REQUEST, connection);
    assert.equal(await manager.hasEnded(REQUEST), false);
    await manager.append(REQUEST, frame('answer'), { last: true });
    assert.equal(await manager.hasEnded(REQUEST), true);
    assert.equal(await manager.hasEnded({ ...REQUEST, key: 'another' }), false);
    await manager.delete('session');
    assert.equal(await manager.hasEnded(REQUEST), false);
  });

  managerCase('hasEvent says whether an event is among the latest of its stream', async (manager) => {
    if (!manager.hasEvent) return;
    assert.equal(await manager.hasEvent(REQUEST, frame('1')), false);
    await connect(manager, REQUEST);
    await appendAll(manager, REQUEST, ['1', 'é 🦊']);
    for (const data of ['1', 'é 🦊']) assert.equal(await manager.hasEvent(REQUEST, frame(data)), true);
    assert.equal(await manager.hasEvent(REQUEST, frame('')), false);
    assert.equal(await manager.hasEvent(REQUEST, frame('2')), false);
    assert.equal(await manager.hasEvent(MAIN, frame('1')), false);
  });

  managerCase('deleteAnswered deletes all that no other instance answers', async (manager) => {
    if (!manager.deleteAnswered) return;
    const main = await connect(manager, MAIN);
    const request = await connect(manager, REQUEST);
    assert.equal(await manager.deleteAnswered('session'), false);
    await assertClosed(main);
    await assertClosed(request);
    assert.equal(await manager.has('session'), false);
    assert.equal(await manager.deleteAnswered('absent'), false);
  });
}

/** The same methods, between two instances. */
export function streamManagerClusterExtras(clusterCase: ClusterCase): void {
  clusterCase(
    'P3 deleteAnswered leaves a stream alone on which another instance answers',
    async (one, other) => {
      if (!isResumable(one) || !isResumable(other) || !other.deleteAnswered) return;
      const main = await connect(one, MAIN);
      const request = await connect(one, REQUEST);
      assert.equal(await other.deleteAnswered('session'), true);
      await assertClosed(main);
      assert.equal(request.closed, false);
      await one.append(REQUEST, frame('answer'), { last: true });
      await assertReceives(request, ['answer']);
      await assertClosed(request);
      assert.equal(await other.deleteAnswered('session'), false);
      if (other.hasEnded) assert.equal(await other.hasEnded(REQUEST), false);
    },
  );
}
