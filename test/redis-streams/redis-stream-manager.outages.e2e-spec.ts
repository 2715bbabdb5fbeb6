import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { expectKept, sendWhile } from './load.js';
import { CLIENT_KINDS, type ManagerProcess } from './manager-process.js';
import { EVENTS_LOST, mainOf, ProcessPair } from './process-pair.js';

const COMMAND_TIMEOUT_MS = 1_500;

describe.each(CLIENT_KINDS)('With %s,', (client) => {
  let server: RedisServer;
  let pair: ProcessPair;
  let sender: ManagerProcess;
  let holder: ManagerProcess;
  let sessions = 0;
  let sessionId: string;

  beforeAll(async () => {
    server = await RedisServer.start({ appendOnly: true });
    pair = await ProcessPair.start({ url: server.url, client, commandTimeoutMs: COMMAND_TIMEOUT_MS });
    ({ sender, holder } = pair);
  }, 30_000);
  afterEach(() => {
    expect(pair.unexpected).toEqual([]);
  });
  afterAll(async () => {
    await pair.kill();
    await server.dispose();
  });

  describe('under load,', () => {
    it.each([
      [
        'CLIENT KILL TYPE pubsub',
        async () => void (await server.command('client', 'kill', 'type', 'pubsub')),
      ],
      [
        'CLIENT KILL TYPE normal',
        async () => void (await server.command('client', 'kill', 'type', 'normal')),
      ],
      [
        'CLIENT KILL of both connections',
        async () => {
          await server.command('client', 'kill', 'type', 'pubsub');
          await server.command('client', 'kill', 'type', 'normal');
        },
      ],
      ['CLIENT PAUSE', async () => void (await server.command('client', 'pause', 300, 'all'))],
      ['SCRIPT FLUSH', async () => void (await server.command('script', 'flush'))],
      ['a restart of Redis', () => server.restart()],
      ['a crash of Redis', () => server.restart({ signal: 'SIGKILL' })],
    ])('P2 %s loses nothing, doubles nothing, and keeps the order', async (_, happen) => {
      const load = await sendWhile(pair, `load-${(sessions += 1)}`, async () => {
        await happen();
        await delay(100);
        await happen();
      });
      expect(load.comments).toEqual([]);
      expectKept(load);
    });
  });

  describe('when Redis forgets everything,', () => {
    it.each([
      ['by FLUSHALL', async () => void (await server.command('flushall'))],
      ['in a restart', () => server.restart({ keepData: false, signal: 'SIGKILL' })],
    ])('%s, P2 the loss is signalled and counted, and service is whole again', async (_, forget) => {
      sessionId = `forgotten-${(sessions += 1)}`;
      const request = { sessionId, key: 'request' };
      await holder.open(sessionId, mainOf(sessionId));
      await holder.open(`${sessionId} request`, request);
      await sender.send([sessionId], '1');
      await sender.send(null, '2');
      await holder.receives(sessionId, 2);
      const before = await holder.call<number>('eventsLost');
      await forget();
      await eventually('the signal', async () => {
        return (await holder.read(sessionId)).comments.includes(EVENTS_LOST);
      });
      await pair.expectWhole(sessionId);
      expect(await holder.call('eventsLost')).toBeGreaterThan(before);
      await sender.append(request, 'answer', { last: true });
      const answered = await holder.receives(`${sessionId} request`, 1);
      expect(answered.data).toEqual(['answer']);
      expect(answered.comments).toContain(EVENTS_LOST);
      expect((await holder.read(sessionId)).data.slice(0, 2).toSorted()).toEqual(['1', '2']);
    });

    it('P2 a client that resumes with an id from before is told so', async () => {
      sessionId = `resumed-${(sessions += 1)}`;
      await holder.open(sessionId, mainOf(sessionId));
      await sender.send([sessionId], '1');
      const { lastEventId } = await holder.receives(sessionId, 1);
      await holder.call('release', mainOf(sessionId), sessionId);
      await server.command('flushall');
      await sender.send([sessionId], '2');
      await sender.open('resumed', mainOf(sessionId), lastEventId);
      const { data, comments } = await sender.receives('resumed', 1);
      expect(data).toEqual(['2']);
      expect(comments).toContain(EVENTS_LOST);
    });
  });

  describe('while Redis is away,', () => {
    it.each([
      ['stopped', () => server.stop('SIGKILL'), () => server.restart()],
      [
        'standing still',
        async () => server.pause(),
        async () => {
          server.resume();
        },
      ],
    ])('%s, P6 operations say so in time, connections stay, and all works again', async (_, stop, goOn) => {
      sessionId = `away-${(sessions += 1)}`;
      await holder.open(sessionId, mainOf(sessionId));
      await sender.send([sessionId], '1');
      await sender.send(null, '2');
      await holder.receives(sessionId, 2);
      await stop();
      const other = { sessionId: `${sessionId} other`, key: 'main' };
      const operations: [string, ...unknown[]][] = [
        ['open', 'other', other],
        ['append', mainOf(sessionId), '3'],
        ['send', [sessionId], '3'],
        ['send', null, '3'],
        ['has', sessionId],
        ['position', other],
        ['delete', other.sessionId],
        ['release', other],
        ['register', 1, sessionId],
        ['forward', { id: 1 }, sessionId],
      ];
      await Promise.all(
        operations.map(async ([method, ...args]) => {
          const begun = performance.now();
          const answer = sender.call(method, ...args);
          await expect(answer).rejects.toMatchObject({ code: 'STREAM_MANAGER_UNAVAILABLE' });
          expect(performance.now() - begun).toBeLessThan(2 * COMMAND_TIMEOUT_MS);
        }),
      );
      expect((await holder.read(sessionId)).closed).toBe(false);
      await goOn();
      await pair.expectWhole(sessionId);
      const { data } = await holder.read(sessionId);
      // The subscription may just be renewed after the outage before this one: then the broadcast is first.
      expect(data.slice(0, 2).toSorted()).toEqual(['1', '2']);
      // Nobody knew whether the operations on the other session would be carried out; it is not left half open.
      await eventually('the other session to be free', async () => !(await holder.has(other.sessionId)));
    });
  });

  describe('after an outage in which all signs of life have ended,', () => {
    it('P5 an instance that has not yet given another is not taken for dead, and one that gives none is', async () => {
      sessionId = `living-${(sessions += 1)}`;
      const request = { sessionId, key: 'request' };
      await holder.open(sessionId, mainOf(sessionId));
      await holder.open(`${sessionId} request`, request);
      await server.stop('SIGKILL');
      await delay(1_000);
      holder.signal('SIGSTOP');
      // Asked from before Redis is back: it is spared for two heartbeats only.
      const isSpared = eventually('it to be taken for living', () =>
        sender.has(sessionId).catch(() => false),
      );
      await Promise.all([server.restart(), isSpared]);
      await eventually('it to be taken for dead', async () => !(await sender.has(sessionId)));
      holder.signal('SIGCONT');
      await eventually('it to be known again', () => sender.has(sessionId));
      expect((await holder.read(`${sessionId} request`)).closed).toBe(false);
    });
  });
});
