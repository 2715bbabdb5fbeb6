import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { InMemoryStreamManager } from '../streams/in-memory-stream-manager.js';
import { StreamDeletion } from './stream-deletion.js';

beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(['log', 'error', 'warn']));

/** A stream manager whose other instances are to answer on the streams of some sessions, and never do. */
class SharedStreams extends InMemoryStreamManager {
  readonly unanswered = new Set(['left']);
  readonly deleted: string[] = [];
  failures = 0;

  async deleteAnswered(sessionId: string): Promise<boolean> {
    return this.unanswered.has(sessionId);
  }

  override async delete(sessionId: string): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('Away');
    }
    this.deleted.push(sessionId);
  }
}

describe('StreamDeletion', () => {
  it('P5 deletes after a while what other instances were to answer', async () => {
    const streams = new SharedStreams();
    const deletion = new StreamDeletion(streams, 30);
    await deletion.delete('answered');
    await deletion.delete('left');
    expect(streams.deleted).toEqual([]);
    await delay(150);
    expect(streams.deleted).toEqual(['left']);
  });

  it('P6 tries again when that is not possible', async () => {
    const streams = new SharedStreams();
    streams.failures = 2;
    const deletion = new StreamDeletion(streams, 20);
    await deletion.delete('left');
    await delay(200);
    expect(streams.deleted).toEqual(['left']);
  });

  it('deletes nothing after it was stopped', async () => {
    const streams = new SharedStreams();
    const deletion = new StreamDeletion(streams, 20);
    await deletion.delete('left');
    deletion.stop();
    await delay(60);
    expect(streams.deleted).toEqual([]);
  });

  it('deletes everything at once where the stream manager knows no other instances', async () => {
    const streams = new SharedStreams();
    const simple = Object.assign(streams, { deleteAnswered: undefined });
    await new StreamDeletion(simple).delete('left');
    expect(streams.deleted).toEqual(['left']);
  });
});
