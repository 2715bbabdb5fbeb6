import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { InMemoryStreamManager } from '../streams/in-memory-stream-manager.js';
import type { StreamRef } from '../streams/stream-manager.interface.js';
import { AnswerBacklog, type AnswerBacklogConfig } from './answer-backlog.js';
import { StreamReply } from './reply.js';

const lines: string[] = [];
const keep = (line: string): number => lines.push(line);
beforeEach(() => {
  lines.length = 0;
  Logger.overrideLogger({ log: keep, error: keep, warn: keep });
});
afterAll(() => Logger.overrideLogger(['log', 'error', 'warn']));

/** A stream manager that takes nothing while it is away. */
class InterruptibleStreams extends InMemoryStreamManager {
  isAway = true;
  calls = 0;
  readonly taken: { key: string; text: string; last: boolean }[] = [];

  override async append(stream: StreamRef, data: string, { last = false } = {}): Promise<string> {
    this.calls += 1;
    if (this.isAway) throw new Error('Away');
    const text = /"text":"(\w*)"|(lost)/.exec(data)?.slice(1).find(Boolean) ?? '';
    this.taken.push({ key: stream.key, text, last });
    return '';
  }
}

function started(config: Partial<AnswerBacklogConfig> = {}) {
  const streams = new InterruptibleStreams();
  const backlog = new AnswerBacklog(streams, { firstPauseMs: 5, longestPauseMs: 20, ...config });
  const lost: string[] = [];
  const put = (key: string, text: string, sessionId = 's', last = true): Promise<void> => {
    const message = { jsonrpc: '2.0', id: 1, result: { text } } as const;
    return backlog.put({ stream: { sessionId, key }, message, last, onLost: () => lost.push(key) });
  };
  return { streams, backlog, lost, put };
}

const settled = (backlog: AnswerBacklog): Promise<void> => until(() => backlog.sessionIds().length === 0);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(2);
}

describe('AnswerBacklog', () => {
  it('P2 keeps what is not taken, and puts it on its stream in order, the last one last', async () => {
    const { streams, backlog } = started();
    const stream = { sessionId: 's', key: 'k' };
    const reply = new StreamReply(streams, backlog, stream, [1, 2, 3], () => undefined);
    const answer = (id: number) => reply.send({ jsonrpc: '2.0', id, result: { text: `a${id}` } });
    await Promise.all([answer(1), answer(2)]);
    expect(backlog.sessionIds()).toEqual(['s']);
    streams.isAway = false;
    await answer(3);
    await settled(backlog);
    expect(streams.taken).toEqual([
      { key: 'k', text: 'a1', last: false },
      { key: 'k', text: 'a2', last: false },
      { key: 'k', text: 'a3', last: true },
    ]);
    expect(backlog.lost).toBe(0);
  });

  it('P2 ends a stream whose last request is cancelled behind the answers that wait', async () => {
    const { streams, backlog } = started();
    const reply = new StreamReply(streams, backlog, { sessionId: 's', key: 'k' }, [1, 2], () => undefined);
    await reply.send({ jsonrpc: '2.0', id: 1, result: { text: 'a1' } });
    await reply.cancel(2);
    streams.isAway = false;
    await settled(backlog);
    expect(streams.taken.map(({ text, last }) => [text, last])).toEqual([
      ['a1', false],
      ['', true],
    ]);
  });

  it('P4 tries one at a time, with a pause that grows', async () => {
    const { streams, backlog, put } = started({ firstPauseMs: 20, longestPauseMs: 40 });
    for (let index = 0; index < 20; index += 1) await put(`k${index}`, 'x');
    streams.calls = 0;
    await delay(200);
    expect(streams.calls).toBeGreaterThan(1);
    expect(streams.calls).toBeLessThan(9);
    expect(lines).toEqual([expect.stringContaining('it waits, as others will')]);
    backlog.stop();
    expect(lines.slice(1)).toEqual([expect.stringContaining('20, 20 in all; the application shuts down')]);
  });

  it('tries another stream first when one alone is not taken', async () => {
    const { streams, backlog, put } = started();
    await put('broken', 'x');
    await put('sound', 'y');
    streams.append = async ({ key }) => {
      if (key === 'broken') throw new Error('Broken');
      streams.taken.push({ key, text: '', last: true });
      return '';
    };
    await until(() => streams.taken.length > 0);
    expect(streams.taken.map(({ key }) => key)).toEqual(['sound']);
    backlog.stop();
  });

  it('P4 keeps word of the loss in place of an answer that is too large, and counts it', async () => {
    const { streams, backlog, lost, put } = started({ maxAnswerChars: 500 });
    await put('large', 'x'.repeat(500));
    await put('small', 'y');
    expect([backlog.lost, lost]).toEqual([1, []]);
    streams.isAway = false;
    await settled(backlog);
    expect(streams.taken).toEqual([
      { key: 'large', text: 'lost', last: true },
      { key: 'small', text: 'y', last: true },
    ]);
  });

  it('P4 refuses what is too much in all, and frees the room of what is taken', async () => {
    const { streams, backlog, lost, put } = started({ maxChars: 800 });
    await put('k1', 'x');
    await put('k2', 'x');
    await expect(put('k3', 'x')).rejects.toThrow('Away');
    expect([backlog.lost, lost]).toEqual([1, ['k3']]);
    streams.isAway = false;
    await settled(backlog);
    streams.isAway = true;
    await put('k4', 'x');
    await put('k5', 'x');
    expect(backlog.sessionIds()).toHaveLength(2);
    backlog.stop();
  });

  it('P2 gives up what has waited too long, and says so', async () => {
    const { backlog, lost, put } = started({ keepMs: 30 });
    await put('k', 'x');
    await settled(backlog);
    expect([backlog.lost, lost]).toEqual([1, ['k']]);
    expect(lines).toContainEqual(expect.stringContaining('1, 1 in all; it waited too long'));
  });

  it('forgets what waits for a session that has ended', async () => {
    const { streams, backlog, put } = started();
    await put('k', 'x', 'ended');
    await put('k', 'y', 'other');
    backlog.forget('ended');
    streams.isAway = false;
    await settled(backlog);
    expect(streams.taken.map(({ text }) => text)).toEqual(['y']);
    expect(backlog.lost).toBe(0);
  });

  it('stops at the shutdown: what waits is lost, and nothing waits from then on', async () => {
    const { streams, backlog, lost, put } = started();
    await put('k1', 'x');
    backlog.stop();
    await expect(put('k2', 'x')).rejects.toThrow('Away');
    expect([backlog.lost, lost]).toEqual([2, ['k1', 'k2']]);
    streams.calls = 0;
    await delay(30);
    expect(streams.calls).toBe(0);
  });
});
