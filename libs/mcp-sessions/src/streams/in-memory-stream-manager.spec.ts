import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { InvalidConfigurationError } from '../common/errors.js';
import { RecordingConnection } from '../testing/recording-connection.js';
import { streamManagerContract } from '../testing/stream-manager.contract.js';
import { appendAll, connect, frame, MAIN, REQUEST } from '../testing/stream-manager-steps.js';
import { InMemoryStreamManager } from './in-memory-stream-manager.js';
import type { ReplayOptions } from './stream-manager.interface.js';

streamManagerContract(
  { describe, it },
  {
    name: 'InMemoryStreamManager',
    create: (replay) => new InMemoryStreamManager({ replay }),
    interleavings: 60,
  },
);

streamManagerContract(
  { describe, it },
  {
    name: 'InMemoryStreamManager without replay',
    create: () => new InMemoryStreamManager({ replay: false }),
    replay: false,
  },
);

describe('InMemoryStreamManager', () => {
  let manager = new InMemoryStreamManager();
  const withReplay = (replay: ReplayOptions | false): void => {
    manager = new InMemoryStreamManager({ replay });
  };

  beforeEach(() => {
    jest.useFakeTimers();
    manager = new InMemoryStreamManager();
  });

  afterEach(async () => {
    await manager.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it.each([
    { maxEvents: 0 },
    { maxEvents: -1 },
    { maxEvents: 1.5 },
    { maxEvents: NaN },
    { maxEvents: Infinity },
    { maxAgeMs: 0 },
    { maxAgeMs: -1 },
    { maxAgeMs: NaN },
    { maxAgeMs: '1' as unknown as number, maxEvents: '2' as unknown as number },
  ])('refuses to keep %p', (replay) => {
    expect(() => new InMemoryStreamManager({ replay })).toThrow(InvalidConfigurationError);
  });

  it('takes undefined bounds for the defaults, and any age', async () => {
    withReplay({ maxEvents: undefined, maxAgeMs: undefined });
    const priming = await manager.position(MAIN);
    for (let number = 1; number <= 257; number += 1) await appendAll(manager, MAIN, [`${number}`]);
    expect((await connect(manager, MAIN, priming)).data).toHaveLength(256);
    withReplay({ maxAgeMs: Infinity });
    await appendAll(manager, MAIN, ['for ever']);
    jest.advanceTimersByTime(1e12);
    expect((await connect(manager, MAIN)).data).toEqual(['for ever']);
  });

  it('counts its connections', async () => {
    const main = await connect(manager, MAIN);
    const broken = await connect(manager, REQUEST);
    const slow = await connect(manager, { ...MAIN, sessionId: 'slow' });
    expect(manager.size).toBe(3);
    broken.breaksAfter = 0;
    await appendAll(manager, REQUEST, ['1']);
    expect(manager.size).toBe(2);
    slow.desiredSize = 0;
    await manager.send(undefined, frame('1'));
    expect(manager.size).toBe(1);
    await manager.release(MAIN, main);
    expect(manager.size).toBe(0);
    await connect(manager, MAIN);
    await connect(manager, REQUEST);
    await manager.delete('session');
    expect(manager.size).toBe(0);
  });

  it('sends a session that is named twice its event once', async () => {
    const connection = await connect(manager, MAIN);
    await manager.send(['session', 'session'], frame('once'));
    expect(connection.data).toEqual(['once']);
  });

  it('P2 counts the resumptions that lost something', async () => {
    withReplay({ maxEvents: 1 });
    const priming = await manager.position(MAIN);
    const requestPriming = await manager.position(REQUEST);
    await appendAll(manager, MAIN, ['1', '2']);
    await connect(manager, MAIN, priming);
    expect(manager.eventsLost).toBe(1);
    await connect(manager, MAIN);
    expect(manager.eventsLost).toBe(1);
    await manager.delete('session');
    await expect(connect(manager, REQUEST, requestPriming)).rejects.toMatchObject({ code: 'STREAM_LOST' });
    expect(manager.eventsLost).toBe(2);
  });

  it('P2 whoever comes with an id of a lost log gets all of the new one, until an id of it arrives', async () => {
    await appendAll(manager, MAIN, ['before the restart']);
    const before = (await connect(manager, MAIN)).content.lastEventId;
    await manager.close();
    manager = new InMemoryStreamManager();
    await manager.position(MAIN);
    await appendAll(manager, MAIN, ['1']);
    await manager.send(undefined, frame('2'));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const resumed = await connect(manager, MAIN, before);
      expect(resumed.content.comments).toEqual(['events-lost']);
      expect(resumed.data).toEqual(['1', '2']);
    }
  });

  it('P2 whoever comes with an id of a former process gets what this one has broadcast since its start', async () => {
    await appendAll(manager, MAIN, ['before the restart']);
    const before = (await connect(manager, MAIN)).content.lastEventId;
    await manager.close();
    manager = new InMemoryStreamManager();
    await manager.send(undefined, frame('while away'));
    expect((await connect(manager, MAIN, before)).data).toEqual(['while away']);
  });

  it('P2 an offset that the stream has not reached is refused', async () => {
    const position = await manager.position(MAIN);
    await appendAll(manager, MAIN, ['1']);
    const withOffsets = (own: number, broadcast: number): string =>
      position.replace(/[^.]*\.[^.]*$/, `${own}.${broadcast}`);
    expect((await connect(manager, MAIN, withOffsets(0, 0))).data).toEqual(['1']);
    for (const id of [withOffsets(2, 0), withOffsets(1, 1)]) {
      await expect(connect(manager, MAIN, id)).rejects.toMatchObject({ code: 'INVALID_EVENT_ID' });
    }
  });

  it('P2 event ids do not tell how many streams others have', async () => {
    const epochOf = (id: string): string => id.split('.')[2]!;
    const epochs = new Set<string>();
    for (let index = 0; index < 50; index += 1) {
      epochs.add(epochOf(await manager.position({ ...MAIN, sessionId: `session ${index}` })));
    }
    expect(epochs.size).toBe(50);
    const sorted = [...epochs].sort();
    expect([...epochs]).not.toEqual(sorted);
  });

  it('P2 what a connection causes from enqueue comes behind, also when it is a takeover', async () => {
    const first = new RecordingConnection();
    const second = new RecordingConnection();
    const enqueue = first.enqueue.bind(first);
    const caused: Promise<unknown>[] = [];
    first.enqueue = (chunk) => {
      enqueue(chunk);
      if (caused.length > 0) return;
      caused.push(appendAll(manager, MAIN, ['3']), manager.send(undefined, frame('4')));
      caused.push(manager.open(MAIN, second));
    };
    await appendAll(manager, MAIN, ['1', '2']);
    await manager.open(MAIN, first);
    await Promise.all(caused);
    expect(first.data).toEqual(['1']);
    expect(first.closed).toBe(true);
    expect(second.data).toEqual(['2', '3', '4']);
    expect(manager.size).toBe(1);
  });

  it('P2 a connection that is replaced while it is cut off loses nothing', async () => {
    const slow = await connect(manager, MAIN);
    const successor = new RecordingConnection();
    const opened: Promise<void>[] = [];
    slow.desiredSize = 0;
    slow.close = () => void opened.push(manager.open(MAIN, successor));
    await appendAll(manager, MAIN, ['1']);
    await Promise.all(opened);
    expect(successor.data).toEqual(['1']);
    expect(slow.data).toEqual([]);
    expect(await manager.has('session')).toBe(true);
  });

  describe('without replay', () => {
    beforeEach(() => withReplay(false));

    it('delivers to the connection that is there, without ids, or to nobody', async () => {
      await manager.send(['session'], frame('lost'));
      const main = await connect(manager, MAIN);
      const running = await connect(manager, REQUEST);
      await manager.send(undefined, frame('1'));
      expect(await manager.append(MAIN, frame('2'))).toBe('');
      expect(await manager.append(REQUEST, frame('answer'), { last: true })).toBe('');
      expect(main.text).toBe(frame('1') + frame('2'));
      expect(running.text).toBe(frame('answer'));
      expect(running.closed).toBe(true);
      expect(await manager.position(MAIN)).toBe('');
    });

    it('P2 tells a client that comes with an id that events are lost', async () => {
      const keeping = new InMemoryStreamManager();
      const id = await keeping.position(MAIN);
      const requestId = await keeping.position(REQUEST);
      await keeping.close();
      const connection = await connect(manager, MAIN, id);
      expect(connection.content.comments).toEqual(['events-lost']);
      await expect(connect(manager, REQUEST, requestId)).rejects.toMatchObject({ code: 'STREAM_LOST' });
    });
  });
});
