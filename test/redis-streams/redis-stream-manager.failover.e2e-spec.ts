import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import '../support/clean-up.js';
import { RedisSentinel, SENTINEL_NAME } from '../support/redis/redis-sentinel.js';
import { expectKept, sendWhile } from './load.js';
import { ProcessPair } from './process-pair.js';

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
    const failOver = async (): Promise<void> => void (await sentinel.failOver());
    expectKept(await sendWhile(pair, 'session', failOver, { count: 300, pauseMs: 2 }));
  });

  it('P2 P6 and again when the first one has come back and takes its place', async () => {
    await sentinel.bringBack();
    await delay(1_500); // the replica has to follow before it can be chosen
    await sentinel.failOver();
    await pair.expectWhole('session');
  });
});
