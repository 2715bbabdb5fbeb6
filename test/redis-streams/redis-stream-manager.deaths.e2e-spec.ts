import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ManagerProcess } from './manager-process.js';
import { mainOf } from './process-pair.js';

const HEARTBEAT_S = 0.5;

let server: RedisServer;
let survivor: ManagerProcess;
let sessions = 0;
let sessionId: string;

beforeAll(async () => {
  server = await RedisServer.start();
  survivor = await startManager();
}, 30_000);
beforeEach(() => {
  sessionId = `session-${(sessions += 1)}`;
});
afterAll(async () => {
  await survivor.kill();
  await server.dispose();
});

function startManager(): Promise<ManagerProcess> {
  return ManagerProcess.start({ url: server.url, heartbeatInterval: HEARTBEAT_S, commandTimeoutMs: 1_500 });
}

/** An instance that dies after it has delivered the event `delivered`. @returns the last event id that its client saw */
async function holderThatDies(): Promise<{ holder: ManagerProcess; lastEventId: string }> {
  const holder = await startManager();
  cleanUpLater(() => holder.kill());
  await holder.open(sessionId, mainOf(sessionId));
  await survivor.send([sessionId], 'delivered');
  const { lastEventId } = await holder.receives(sessionId, 1);
  return { holder, lastEventId };
}

describe('When the instance that holds a stream dies,', () => {
  it('P5 it is out of the directory within two heartbeats', async () => {
    const { holder } = await holderThatDies();
    expect(await survivor.has(sessionId)).toBe(true);
    await holder.kill();
    const died = performance.now();
    await eventually('it to be gone', async () => !(await survivor.has(sessionId)));
    expect(performance.now() - died).toBeLessThan(2 * HEARTBEAT_S * 1_000);
  });

  it('P5 a client that resumes elsewhere gets what it lacks, and what comes then', async () => {
    const { holder, lastEventId } = await holderThatDies();
    await holder.kill();
    await survivor.send([sessionId], '1');
    await survivor.send(null, '2');
    await survivor.open(sessionId, mainOf(sessionId), lastEventId);
    await survivor.send([sessionId], '3');
    const { data, comments } = await survivor.receives(sessionId, 3);
    expect(data).toEqual(['1', '2', '3']);
    expect(comments).toEqual([]);
    expect(await survivor.has(sessionId)).toBe(true);
  });

  it('P5 a client that comes without an id gets what nobody has been handed', async () => {
    const { holder } = await holderThatDies();
    await survivor.send(null, 'delivered, too');
    await holder.receives(sessionId, 2);
    await holder.kill();
    await survivor.send([sessionId], '1');
    await survivor.send(null, '2');
    await survivor.send([sessionId], '3');
    await survivor.open(sessionId, mainOf(sessionId));
    expect((await survivor.receives(sessionId, 3)).data).toEqual(['1', '2', '3']);
  });

  it('P5 a request that another instance carries on is answered where the client resumes', async () => {
    const holder = await startManager();
    cleanUpLater(() => holder.kill());
    const request = { sessionId, key: 'request' };
    await holder.open(sessionId, request);
    await survivor.append(request, 'progress');
    const { lastEventId } = await holder.receives(sessionId, 1);
    await holder.kill();
    await survivor.open(sessionId, request, lastEventId);
    await survivor.append(request, 'answer', { last: true });
    const { data, closed } = await survivor.receives(sessionId, 1);
    expect(data).toEqual(['answer']);
    expect(closed).toBe(true);
  });

  it('P5 one that only stood still gives up what was taken over meanwhile, and keeps the rest', async () => {
    const { holder, lastEventId } = await holderThatDies();
    const kept = `${sessionId} kept`;
    await holder.open(kept, mainOf(kept));
    holder.signal('SIGSTOP');
    await eventually('it to be taken for dead', async () => !(await survivor.has(sessionId)));
    await survivor.open(sessionId, mainOf(sessionId), lastEventId);
    await survivor.send([sessionId, kept], '1');
    holder.signal('SIGCONT');
    expect((await holder.receives(kept, 1)).data).toEqual(['1']);
    await eventually('the older connection to end', async () => (await holder.read(sessionId)).closed);
    expect((await survivor.receives(sessionId, 1)).data).toEqual(['1']);
    expect(await holder.has(sessionId)).toBe(true);
    await eventually('it to be back', () => survivor.has(kept));
  });

  it('P5 one that closes in good order leaves at once', async () => {
    const { holder } = await holderThatDies();
    await holder.call('close');
    expect((await holder.read(sessionId)).closed).toBe(true);
    expect(await survivor.has(sessionId)).toBe(false);
  });
});
