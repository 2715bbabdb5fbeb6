import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import '../support/clean-up.js';
import { RedisSentinel, SENTINEL_NAME } from '../support/redis/redis-sentinel.js';
import { EVENTS_LOST, mainOf, numbers, ProcessPair } from './process-pair.js';

let sentinel: RedisSentinel;
let pair: ProcessPair;

beforeAll(async () => {
  sentinel = await RedisSentinel.start();
  pair = await ProcessPair.start({
    sentinel: { sentinels: [sentinel.address], name: SENTINEL_NAME },
    commandTimeoutMs: 5_000,
  });
}, 30_000);
afterEach(() => {
  expect(pair.unexpected).toEqual([]);
});
afterAll(async () => {
  await pair.kill();
  await sentinel.dispose();
});

describe('When Sentinel makes another server the primary under load,', () => {
  it('P2 what was sent for certain arrives once and in order, or its loss is signalled', async () => {
    const { sender, holder } = pair;
    await holder.open('session', mainOf('session'));
    const sending = Promise.all([
      sender.sendEach(['session'], numbers(300, 'a'), 2),
      holder.sendEach(['session'], numbers(300, 'b'), 2),
      sender.sendEach(null, numbers(300, 'c'), 2),
    ]);
    await delay(200);
    await sentinel.failOver();
    const sent = await sending;
    await pair.expectWhole('session');
    const { data, comments } = await holder.read('session');
    for (const [index, kind] of ['a', 'b', 'c'].entries()) {
      const received = data.filter((text) => new RegExp(`^${kind}\\d`).test(text));
      const certain = new Set(sent[index]);
      expect(certain.size).toBeGreaterThan(100);
      expect(received.toSorted((one, other) => Number(one.slice(1)) - Number(other.slice(1)))).toEqual(
        received,
      );
      expect(new Set(received).size).toBe(received.length);
      if (!comments.includes(EVENTS_LOST)) {
        expect(received.filter((text) => certain.has(text))).toEqual(sent[index]);
      }
    }
  });

  it('P2 P6 and again when the first one has come back and takes its place', async () => {
    await sentinel.bringBack();
    await delay(1_500); // the replica has to follow before it can be chosen
    await sentinel.failOver();
    await pair.expectWhole('session');
  });
});
