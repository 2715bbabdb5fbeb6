import { describe, expect, it } from '@jest/globals';
import { RecordingConnection } from '../testing/recording-connection.js';
import { streamManagerContract } from '../testing/stream-manager.contract.js';
import { appendAll, connect, frame, MAIN, REQUEST } from '../testing/stream-manager-steps.js';
import { completeStreamManager } from './complete-stream-manager.js';
import { InMemoryStreamManager } from './in-memory-stream-manager.js';
import { isResumable, type StreamController, type StreamManager } from './stream-manager.interface.js';

/** A manager as short as a custom one may be. */
class BasicStreamManager implements StreamManager {
  readonly streams = new Map<string, StreamController>();
  failing = false;

  async create(sessionId: string, controller: StreamController): Promise<void> {
    if (this.failing) throw new Error('The broker is away');
    const older = this.streams.get(sessionId);
    this.streams.set(sessionId, controller);
    this.end(older);
  }

  async send(sessionIds: string[] | undefined, data: string): Promise<void> {
    for (const sessionId of sessionIds ?? [...this.streams.keys()]) {
      try {
        this.streams.get(sessionId)?.enqueue(Buffer.from(data));
      } catch {
        this.streams.delete(sessionId);
      }
    }
  }

  async delete(sessionId: string): Promise<void> {
    const stream = this.streams.get(sessionId);
    this.streams.delete(sessionId);
    this.end(stream);
  }

  async has(sessionId: string): Promise<boolean> {
    return this.streams.has(sessionId);
  }

  async close(): Promise<void> {
    for (const sessionId of [...this.streams.keys()]) await this.delete(sessionId);
  }

  private end(stream: StreamController | undefined): void {
    try {
      stream?.close();
    } catch {
      // It had ended by itself.
    }
  }
}

streamManagerContract(
  { describe, it },
  {
    name: 'A basic manager made complete',
    create: () => completeStreamManager(new BasicStreamManager()),
    replay: false,
  },
);

describe('completeStreamManager', () => {
  const basic = new BasicStreamManager();

  it('leaves a resumable manager as it is', () => {
    const manager = new InMemoryStreamManager();
    expect(completeStreamManager(manager)).toBe(manager);
    expect(isResumable(basic)).toBe(false);
    expect(isResumable(completeStreamManager(basic))).toBe(true);
  });

  it('keeps request streams itself, without ids', async () => {
    const manager = completeStreamManager(new BasicStreamManager());
    const connection = await connect(manager, REQUEST);
    expect(await manager.position(REQUEST)).toBe('');
    expect(await manager.append(REQUEST, frame('progress'))).toBe('');
    await manager.append({ ...REQUEST, sessionId: 'other' }, frame('not for this session'));
    await manager.append(REQUEST, frame('answer'), { last: true });
    expect(connection.text).toBe(frame('progress') + frame('answer'));
    expect(connection.closed).toBe(true);
    await manager.append(REQUEST, frame('too late'));
    expect(() => manager.streamOf('session', 'any')).toThrow(
      expect.objectContaining({ code: 'INVALID_EVENT_ID' }),
    );
  });

  it('P4 drops a request stream whose connection breaks or reads too slowly', async () => {
    const manager = completeStreamManager(new BasicStreamManager());
    const broken = await connect(manager, REQUEST);
    broken.breaksAfter = 0;
    await manager.append(REQUEST, frame('1'));
    broken.breaksAfter = Infinity;
    await manager.append(REQUEST, frame('2'));
    expect(broken.data).toEqual([]);
    const slow = await connect(manager, REQUEST);
    slow.desiredSize = 0;
    await appendAll(manager, REQUEST, ['1']);
    expect(slow.closed).toBe(true);
    expect(slow.data).toEqual([]);
  });

  it('ends request streams with their session, with the manager, and for a successor', async () => {
    const manager = completeStreamManager(new BasicStreamManager());
    const [first, endedByItself] = [
      await connect(manager, REQUEST),
      await connect(manager, { ...REQUEST, key: 'x' }),
    ];
    endedByItself!.close();
    const second = await connect(manager, REQUEST);
    expect(first!.closed).toBe(true);
    await manager.delete('session');
    expect(second.closed).toBe(true);
    const third = await connect(manager, REQUEST);
    const main = await connect(manager, MAIN);
    await manager.close!();
    expect([third.closed, main.closed]).toEqual([true, true]);
  });

  it('lets go of a main stream whose client hung up', async () => {
    const manager = completeStreamManager(new BasicStreamManager());
    const connection = await connect(manager, MAIN);
    await manager.release(MAIN, new RecordingConnection());
    expect(await manager.has('session')).toBe(true);
    await manager.release(MAIN, connection);
    expect(await manager.has('session')).toBe(false);
    const successor = await connect(manager, MAIN);
    await manager.release(MAIN, connection);
    expect(successor.closed).toBe(false);
    await manager.release(MAIN);
    expect(successor.closed).toBe(true);
  });

  it('P2 a connection that the manager has closed does not end its successor on another instance', async () => {
    const shared = new BasicStreamManager();
    const here = completeStreamManager(shared);
    const there = completeStreamManager(shared);
    const older = await connect(here, MAIN);
    const newer = await connect(there, MAIN);
    expect(older.closed).toBe(true);
    await here.release(MAIN, older);
    expect(newer.closed).toBe(false);
    expect(await there.has('session')).toBe(true);
  });

  it('keeps the former connection when the manager refuses a new one', async () => {
    const failing = new BasicStreamManager();
    const manager = completeStreamManager(failing);
    const former = await connect(manager, MAIN);
    failing.failing = true;
    const refused = new RecordingConnection();
    await expect(manager.create('session', refused)).rejects.toThrow('The broker is away');
    await manager.release(MAIN, refused);
    expect(former.closed).toBe(false);
    await manager.release(MAIN, former);
    expect(former.closed).toBe(true);
  });

  it('offers the routing of answers if the manager does', async () => {
    expect(completeStreamManager(basic).registerOutboundRequest).toBeUndefined();
    const routing = Object.assign(new BasicStreamManager(), {
      registered: [] as unknown[],
      async registerOutboundRequest(this: { registered: unknown[] }, ...route: unknown[]) {
        this.registered.push(route);
      },
    });
    await completeStreamManager(routing).registerOutboundRequest!(1, 'session');
    expect(routing.registered).toEqual([[1, 'session']]);
  });
});
