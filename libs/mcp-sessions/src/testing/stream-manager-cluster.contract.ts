import assert from 'node:assert/strict';
import { isResumable } from '../streams/stream-manager.interface.js';
import { eventually } from './eventually.js';
import type { ClusterCase } from './stream-manager.contract.js';
import {
  appendAll,
  assertClosed,
  assertReceives,
  assertReceivesInAnyOrder,
  connect,
  frame,
  MAIN,
  openSessions,
  REQUEST,
} from './stream-manager-steps.js';

/** Two instances are one: it does not matter which of them is asked. */
export function streamManagerCluster(clusterCase: ClusterCase, ordersBroadcasts = true): void {
  clusterCase('P1 an event reaches its session wherever the stream is held', async (one, other) => {
    const [here] = await openSessions(one, ['here']);
    const [there] = await openSessions(other, ['there']);
    const sent: string[] = [];
    for (const [index, manager] of [one, other].entries()) {
      await manager.send(['here', 'there'], frame(`${index}: for both`));
      await manager.send(undefined, frame(`${index}: for all`));
      sent.push(`${index}: for both`, `${index}: for all`);
      for (const connection of [here!, there!]) {
        if (ordersBroadcasts) await assertReceives(connection, sent);
        else await assertReceivesInAnyOrder(connection, sent);
      }
    }
  });

  clusterCase('P1 has, delete and takeover work from everywhere', async (one, other) => {
    const [first] = await openSessions(one, ['session']);
    assert.equal(await other.has('session'), true);
    const [second] = await openSessions(other, ['session']);
    await assertClosed(first!);
    assert.equal(await one.has('session'), true);
    await one.send(['session'], frame('for the newer'));
    await assertReceives(second!, ['for the newer']);
    await one.delete('session');
    await assertClosed(second!);
    assert.equal(await other.has('session'), false);
  });

  clusterCase('P1 close ends the streams of one instance only', async (one, other) => {
    if (!one.close) return;
    const [here] = await openSessions(one, ['here']);
    const [there] = await openSessions(other, ['there']);
    await one.close();
    await assertClosed(here!);
    await other.send(undefined, frame('for those who are left'));
    await assertReceives(there!, ['for those who are left']);
    await eventually('the closed one is gone', async () => !(await other.has('here')));
  });

  clusterCase('P2 a stream that broke on one instance goes on at the other', async (one, other) => {
    if (!isResumable(one) || !isResumable(other)) return;
    for (const stream of [MAIN, REQUEST]) {
      const first = await connect(one, stream);
      await appendAll(one, stream, ['1', '2']);
      await assertReceives(first, ['1', '2']);
      const second = await connect(other, stream, first.content.events[0]!.id);
      await assertClosed(first);
      await one.release(stream, first);
      await appendAll(one, stream, ['3']);
      await appendAll(other, stream, ['4']);
      await assertReceives(second, ['2', '3', '4']);
      await one.release(stream);
      await assertClosed(second);
    }
    await other.append(REQUEST, frame('answer'), { last: true });
    const third = await connect(one, REQUEST);
    await assertReceives(third, ['answer']);
    await assertClosed(third);
  });

  clusterCase('P3 an answer goes to the instance that asked, once', async (one, other) => {
    if (!one.registerOutboundRequest || !one.onForwardedResponse || !other.forwardInboundResponse) return;
    const answers: unknown[] = [];
    one.onForwardedResponse((message, sessionId) => answers.push([message, sessionId]));
    await one.registerOutboundRequest(1, 'session');
    await one.registerOutboundRequest('2', 'session');
    const answer = { jsonrpc: '2.0', id: 1, result: {} };
    assert.equal(await other.forwardInboundResponse({ ...answer, id: '1' }, 'session'), false);
    assert.equal(await other.forwardInboundResponse({ ...answer, id: 2 }, 'session'), false);
    assert.equal(await other.forwardInboundResponse(answer, 'another session'), false);
    assert.equal(await other.forwardInboundResponse(answer, 'session'), true);
    assert.equal(await other.forwardInboundResponse(answer, 'session'), false);
    await eventually('the answer arrives', () => answers.length > 0);
    assert.deepEqual(answers, [[answer, 'session']]);
  });
}
