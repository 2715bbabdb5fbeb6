import assert from 'node:assert/strict';
import { eventually } from './eventually.js';
import { RecordingConnection } from './recording-connection.js';
import type { ManagerCase } from './stream-manager.contract.js';
import { assertReceives, frame, openSessions } from './stream-manager-steps.js';

/** Connections that misbehave, and answers that nobody asked for. */
export function streamManagerFailures(managerCase: ManagerCase): void {
  managerCase('P4 a connection that throws is dropped, and costs the others nothing', async (manager) => {
    const [before, broken, after] = await openSessions(manager, ['before', 'broken', 'after']);
    broken!.breaksAfter = 0;
    await manager.send(undefined, frame('for all'));
    await manager.send(['before', 'broken', 'after'], frame('for three'));
    for (const connection of [before!, after!]) await assertReceives(connection, ['for all', 'for three']);
    await eventually('the broken connection is dropped', async () => !(await manager.has('broken')));
    broken!.breaksAfter = Infinity;
    await manager.send(['before', 'broken'], frame('later'));
    await assertReceives(before!, ['for all', 'for three', 'later']);
    assert.deepEqual(broken!.data, []);
  });

  managerCase('a session whose connection was dropped can have another', async (manager) => {
    const [broken] = await openSessions(manager, ['session']);
    broken!.breaksAfter = 0;
    await manager.send(['session'], frame('first'));
    await eventually('the broken connection is dropped', async () => !(await manager.has('session')));
    const [connection] = await openSessions(manager, ['session']);
    await manager.send(['session'], frame('second'));
    await eventually('the event arrives', () => connection!.data.includes('second'));
    assert.equal(await manager.has('session'), true);
  });

  managerCase('a connection that has ended by itself does no harm', async (manager) => {
    const ids = ['deleted', 'replaced', 'closed'];
    const connections = await openSessions(manager, ids);
    for (const connection of connections) connection.close();
    await manager.delete('deleted');
    const [successor] = await openSessions(manager, ['replaced']);
    await manager.send(['replaced'], frame('for the successor'));
    await assertReceives(successor!, ['for the successor']);
    await manager.close?.();
  });

  managerCase('P2 a connection that deletes its own session from enqueue does no harm', async (manager) => {
    const [other] = await openSessions(manager, ['other']);
    const connection = new RecordingConnection();
    const deleted: Promise<void>[] = [];
    const enqueue = connection.enqueue.bind(connection);
    connection.enqueue = (chunk) => {
      enqueue(chunk);
      deleted.push(manager.delete('session'));
    };
    await manager.create('session', connection);
    await manager.send(undefined, frame('one') + frame('two'));
    await eventually('the connection is closed', () => connection.closed);
    await Promise.all(deleted);
    assert.equal(connection.data[0], 'one');
    await assertReceives(other!, ['one', 'two']);
    assert.equal(await manager.has('session'), false);
  });

  managerCase('P2 a close while an event is sent to all harms nothing', async (manager) => {
    if (!manager.close) return;
    const connections = await openSessions(manager, ['a', 'b', 'c']);
    const closed: Promise<void>[] = [];
    for (const connection of connections) {
      const enqueue = connection.enqueue.bind(connection);
      connection.enqueue = (chunk) => {
        enqueue(chunk);
        closed.push(manager.close!());
      };
    }
    await manager.send(undefined, frame('one') + frame('two'));
    for (const connection of connections)
      await eventually('the connection is closed', () => connection.closed);
    await Promise.all(closed);
    for (const { data } of connections) assert.equal(new Set(data).size, data.length);
  });

  managerCase(
    'P3 an answer that this instance asked for, or that nobody did, goes nowhere else',
    async (manager) => {
      if (!manager.forwardInboundResponse || !manager.registerOutboundRequest) return;
      const forwarded: unknown[] = [];
      manager.onForwardedResponse?.((message) => forwarded.push(message));
      await manager.registerOutboundRequest(1, 'session');
      await manager.registerOutboundRequest('1', 'session');
      for (const id of [1, '1', 2, '2', '__proto__']) {
        assert.equal(await manager.forwardInboundResponse({ id, result: {} }, 'session'), false);
        assert.equal(await manager.forwardInboundResponse({ id, result: {} }, 'other'), false);
      }
      assert.deepEqual(forwarded, []);
    },
  );
}
