import { beforeEach, describe, expect, it } from '@jest/globals';
import { RecordingConnection } from '../testing/recording-connection.js';
import { connect, frame, MAIN } from '../testing/stream-manager-steps.js';
import { InMemoryStreamManager } from './in-memory-stream-manager.js';

const BURST = Array.from({ length: 16 }, (_, index) => `é ${index}`);

describe('a burst of broadcasts', () => {
  let manager: InMemoryStreamManager;
  const sendAll = (data: string[]): Promise<unknown> =>
    Promise.all(data.map((text) => manager.send(undefined, frame(text))));

  beforeEach(() => {
    manager = new InMemoryStreamManager();
  });

  it('P2 arrives in one go, in order, with ids to resume behind', async () => {
    const connection = await connect(manager, MAIN);
    const chunks: Uint8Array[] = [];
    const enqueue = connection.enqueue.bind(connection);
    connection.enqueue = (chunk) => {
      chunks.push(chunk);
      enqueue(chunk);
    };
    await sendAll(BURST);
    expect(connection.data).toEqual(BURST);
    expect(chunks).toHaveLength(1);
    for (const [index, { id }] of connection.content.events.entries()) {
      expect((await connect(manager, MAIN, id)).data).toEqual(BURST.slice(index + 1));
      if (index === 3) break;
    }
  });

  it('P2 keeps its place among what is appended in the same tick', async () => {
    const connection = await connect(manager, MAIN);
    await Promise.all([
      manager.send(undefined, frame('1')),
      manager.append(MAIN, frame('2')),
      manager.send(undefined, frame('3')),
      manager.send(['session'], frame('4')),
    ]);
    expect(connection.data).toEqual(['1', '2', '3', '4']);
  });

  it('P2 goes to whoever held the stream when it was sent', async () => {
    const first = await connect(manager, MAIN);
    const successor = new RecordingConnection();
    await Promise.all([sendAll(['1', '2']), manager.open(MAIN, successor), sendAll(['3'])]);
    expect(first.data).toEqual(['1', '2']);
    expect(successor.data).toEqual(['3']);
  });

  it('P2 a connection that throws has had none of it', async () => {
    const connection = await connect(manager, MAIN);
    const other = await connect(manager, { ...MAIN, sessionId: 'other' });
    connection.breaksAfter = 0;
    await sendAll(BURST);
    expect(other.data).toEqual(BURST);
    expect((await connect(manager, MAIN)).data).toEqual(BURST);
  });

  it('P2 may be longer than what is kept of a stream', async () => {
    manager = new InMemoryStreamManager({ replay: { maxEvents: 3 } });
    const connection = await connect(manager, MAIN);
    await sendAll(BURST);
    expect(connection.data).toEqual(BURST);
  });
});
