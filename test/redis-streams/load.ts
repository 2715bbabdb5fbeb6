import { expect } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_LOST, mainOf, numbers, type ProcessPair } from './process-pair.js';

/** What became of events that were sent while something happened: by the sender, by the stream's own instance, and to all. */
export interface Load {
  /** Those of each kind that were sent for certain. */
  sent: string[][];
  /** Those of each kind that have arrived. */
  received: string[][];
  comments: string[];
}

/** Opens a stream and sends to it while something happens; afterwards all must work again. */
export async function sendWhile(
  pair: ProcessPair,
  sessionId: string,
  happen: () => Promise<void>,
  { count = 150, pauseMs = 4 } = {},
): Promise<Load> {
  const { sender, holder } = pair;
  await holder.open(sessionId, mainOf(sessionId));
  const sending = Promise.all([
    sender.sendEach([sessionId], numbers(count, 'a'), pauseMs),
    holder.sendEach([sessionId], numbers(count, 'b'), pauseMs),
    sender.sendEach(null, numbers(count, 'c'), pauseMs),
  ]);
  await delay(100);
  await happen();
  const sent = await sending;
  await pair.expectWhole(sessionId);
  const { data, comments } = await holder.read(sessionId);
  const received = ['a', 'b', 'c'].map((kind) => data.filter((text) => new RegExp(`^${kind}\\d`).test(text)));
  return { sent, received, comments };
}

/** What was sent for certain has arrived, once and in order, or its loss was signalled. */
export function expectKept({ sent, received, comments }: Load): void {
  for (const [index, certain] of sent.entries()) {
    const texts = received[index]!;
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.toSorted((one, other) => Number(one.slice(1)) - Number(other.slice(1)))).toEqual(texts);
    expect(certain.length).toBeGreaterThan(100);
    // What was not sent for certain may have arrived all the same.
    const certainly = new Set(certain);
    if (!comments.includes(EVENTS_LOST)) {
      expect(texts.filter((text) => certainly.has(text))).toEqual(certain);
    }
  }
}
