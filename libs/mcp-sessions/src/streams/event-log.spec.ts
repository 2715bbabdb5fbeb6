import { describe, expect, it } from '@jest/globals';
import { EventLog } from './event-log.js';

describe('EventLog', () => {
  const retention = { maxEvents: 3, maxAgeMs: 100, maxChars: 10 };

  it('keeps the newest events, and knows which it has dropped', () => {
    const log = new EventLog(retention);
    expect([log.isEmpty, log.last, log.lastDropped, log.deadline]).toEqual([true, 0, 0, undefined]);
    for (const at of [1, 2, 3, 4]) log.append('x', 0, at);
    expect([log.isEmpty, log.last, log.lastDropped, log.deadline]).toEqual([false, 4, 1, 102]);
    expect([log.reachesBackTo(0), log.reachesBackTo(1), log.reachesBackTo(4)]).toEqual([false, true, true]);
    expect([0, 1, 2, 3, 4, 5].map((offset) => log.firstAfter(offset)?.offset)).toEqual([
      2,
      2,
      3,
      4,
      undefined,
      undefined,
    ]);
  });

  it('drops what is too old, up to the last event', () => {
    const log = new EventLog(retention);
    log.append('x', 0, 0);
    log.append('x', 0, 50);
    log.trim(99);
    expect(log.lastDropped).toBe(0);
    log.trim(100);
    expect(log.lastDropped).toBe(1);
    log.trim(150);
    expect([log.isEmpty, log.last, log.lastDropped, log.chars, log.deadline]).toEqual([
      true,
      2,
      2,
      0,
      undefined,
    ]);
    expect(log.append('x', 0, 200).offset).toBe(3);
  });

  it('drops what is too large, except the newest', () => {
    const log = new EventLog(retention);
    log.append('12345', 0, 0);
    log.append('67890', 0, 0);
    expect(log.chars).toBe(10);
    log.append('1', 0, 0);
    expect([log.chars, log.lastDropped]).toEqual([6, 1]);
    log.append('x'.repeat(50), 0, 0);
    expect([log.chars, log.lastDropped, log.last]).toEqual([50, 3, 4]);
  });
});
