import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { ManagerProcess } from './manager-process.js';
import { EVENTS_LOST, mainOf, numbers, ProcessPair } from './process-pair.js';

// As after a failover to a replica that lagged behind, or a restart with an older snapshot.
let server: RedisServer;
let pair: ProcessPair;
let sender: ManagerProcess;
let holder: ManagerProcess;
let sessions = 0;
let sessionId: string;

beforeAll(async () => {
  server = await RedisServer.start();
  pair = await ProcessPair.start({ url: server.url });
  ({ sender, holder } = pair);
}, 30_000);
beforeEach(() => {
  sessionId = `session-${(sessions += 1)}`;
});
afterEach(() => {
  expect(pair.unexpected).toEqual([]);
});
afterAll(async () => {
  await pair.kill();
  await server.dispose();
});

/** Redis goes back to when `SAVE` was called last. */
async function rollBack(): Promise<void> {
  await server.restart({ signal: 'SIGKILL' });
}

async function isSignalled(): Promise<boolean> {
  return (await holder.read(sessionId)).comments.includes(EVENTS_LOST);
}

describe('When Redis goes back in time,', () => {
  it.each([
    ['sent by another instance', () => sender],
    ["sent by the stream's own instance", () => holder],
  ])('P2 the new events arrive, or their loss is signalled: %s', async (_, from) => {
    await holder.open(sessionId, mainOf(sessionId));
    await sender.sendEach([sessionId], numbers(3));
    await server.command('save');
    await sender.sendEach([sessionId], ['lost 1', 'lost 2', 'lost 3']);
    await holder.receives(sessionId, 6);
    await rollBack();
    // They get the offsets of the lost ones, and of some beyond.
    const fresh = numbers(5, 'new ');
    expect(await from().sendEach([sessionId], fresh)).toEqual(fresh);
    await eventually('the signal', isSignalled);
    await pair.expectWhole(sessionId);
    const { data, comments } = await holder.read(sessionId);
    expect(data.slice(0, 6)).toEqual([...numbers(3), 'lost 1', 'lost 2', 'lost 3']);
    expect(data.filter((text) => text.startsWith('new '))).toEqual(fresh);
    expect(comments.filter((comment) => comment === EVENTS_LOST)).toHaveLength(1);
  });

  it('P2 nothing is signalled to a stream that has lost nothing', async () => {
    await holder.open(sessionId, mainOf(sessionId));
    await sender.sendEach([sessionId], numbers(3));
    await holder.receives(sessionId, 3);
    await server.command('save');
    await rollBack();
    await pair.expectWhole(sessionId);
    expect((await holder.read(sessionId)).comments).toEqual([]);
  });

  it('P2 broadcasts arrive, or their loss is signalled', async () => {
    await holder.open(sessionId, mainOf(sessionId));
    await sender.sendEach(null, numbers(3));
    await server.command('save');
    await sender.sendEach(null, ['lost 1', 'lost 2', 'lost 3']);
    await holder.receives(sessionId, 6);
    await rollBack();
    expect(await sender.sendEach(null, numbers(5, 'new '))).toEqual(numbers(5, 'new '));
    await eventually('the signal', isSignalled);
    await pair.expectWhole(sessionId);
    const { data } = await holder.read(sessionId);
    expect(data.slice(0, 6)).toEqual([...numbers(3), 'lost 1', 'lost 2', 'lost 3']);
    expect(new Set(data).size).toBe(data.length);
  });

  it('P2 a client that has seen more than Redis knows is told so, and goes on', async () => {
    await holder.open(sessionId, mainOf(sessionId));
    await sender.sendEach([sessionId], numbers(2));
    await server.command('save');
    await sender.sendEach([sessionId], ['lost 1', 'lost 2']);
    const { lastEventId } = await holder.receives(sessionId, 4);
    await holder.call('release', mainOf(sessionId), sessionId);
    await rollBack();
    await eventually('Redis', () =>
      sender.send([sessionId], 'unheard').then(
        () => true,
        () => false,
      ),
    );
    const name = `${sessionId} again`;
    await sender.open(name, mainOf(sessionId), lastEventId);
    await sender.send([sessionId], 'new');
    const { data, comments } = await sender.receives(name, 1);
    expect(comments).toEqual([EVENTS_LOST]);
    expect(data).toEqual(['new']);
  });

  it('P1 a stream that was taken over since is held again by who has it', async () => {
    await sender.open(`${sessionId} former`, mainOf(sessionId));
    await server.command('save');
    await holder.open(sessionId, mainOf(sessionId));
    await rollBack();
    await pair.expectWhole(sessionId);
    expect((await holder.read(sessionId)).comments).toEqual([]);
  });

  it('P2 a stream that was let go of since is free, and what it gets now is not lost', async () => {
    await holder.open(sessionId, mainOf(sessionId));
    await sender.send([sessionId], '1');
    await holder.receives(sessionId, 1);
    await server.command('save');
    await holder.call('release', mainOf(sessionId), sessionId);
    await rollBack();
    await eventually('Redis', () =>
      sender.send([sessionId], '2').then(
        () => true,
        () => false,
      ),
    );
    await eventually('it to be free', async () => !(await sender.has(sessionId)));
    const name = `${sessionId} again`;
    await sender.open(name, mainOf(sessionId));
    await sender.send([sessionId], '3');
    const { data } = await sender.receives(name, 2);
    // That the first one had been delivered, Redis does not know any more.
    expect(data.slice(-2)).toEqual(['2', '3']);
  });
});
