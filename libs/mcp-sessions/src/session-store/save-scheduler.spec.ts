import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SaveScheduler } from './save-scheduler.js';

describe('SaveScheduler', () => {
  /** Saves that were begun; the test ends each of them. */
  let saves: { resolve: () => void; reject: (error: Error) => void }[];
  let running: number;
  let mostAtOnce: number;
  const report = { failed: jest.fn(), recovered: jest.fn() };
  let scheduler: SaveScheduler;

  beforeEach(() => {
    jest.useFakeTimers();
    saves = [];
    running = 0;
    mostAtOnce = 0;
    report.failed.mockReset();
    report.recovered.mockReset();
    scheduler = new SaveScheduler(save, 100, report);
  });

  afterEach(() => {
    scheduler.stop();
    jest.useRealTimers();
  });

  async function save(): Promise<void> {
    running += 1;
    mostAtOnce = Math.max(mostAtOnce, running);
    try {
      await new Promise<void>((resolve, reject) => saves.push({ resolve, reject }));
    } finally {
      running -= 1;
    }
  }

  const wait = (ms: number) => jest.advanceTimersByTimeAsync(ms);
  const settled = async (promise: Promise<unknown>) => {
    let done = false;
    promise.then(
      () => (done = true),
      () => (done = true),
    );
    await wait(0);
    return done;
  };

  it('saves once for the changes of a while', async () => {
    scheduler.changed();
    await wait(50);
    scheduler.changed();
    await wait(49);
    expect(saves).toHaveLength(0);
    await wait(1);
    expect(saves).toHaveLength(1);
    saves[0]!.resolve();
    await wait(10_000);
    expect(saves).toHaveLength(1);
  });

  it('is not kept off by steady changes', async () => {
    for (let count = 0; count < 100; count += 1) {
      scheduler.changed();
      await wait(10);
      saves.at(-1)?.resolve();
    }
    expect(saves.length).toBeGreaterThanOrEqual(9);
  });

  it('never saves twice at once, and saves again what changed meanwhile', async () => {
    scheduler.changed();
    await wait(100);
    scheduler.changed();
    const flushed = scheduler.flush();
    await wait(1_000);
    expect(saves).toHaveLength(1);
    saves[0]!.resolve();
    await wait(0);
    expect(saves).toHaveLength(2);
    expect(await settled(flushed)).toBe(false);
    saves[1]!.resolve();
    await flushed;
    expect(mostAtOnce).toBe(1);
    await wait(10_000);
    expect(saves).toHaveLength(2);
  });

  it('saves what changed during a save, without a flush', async () => {
    scheduler.changed();
    await wait(100);
    scheduler.changed();
    saves[0]!.resolve();
    await wait(99);
    expect(saves).toHaveLength(1);
    await wait(1);
    expect(saves).toHaveLength(2);
  });

  it('flushes with the save that is running, if that covers everything', async () => {
    scheduler.changed();
    await wait(100);
    const flushed = scheduler.flush();
    saves[0]!.resolve();
    await flushed;
    expect(saves).toHaveLength(1);
  });

  it('flushes at once, and many flushes with one save', async () => {
    scheduler.changed();
    await wait(100);
    scheduler.changed();
    const flushes = Promise.all([scheduler.flush(), scheduler.flush(), scheduler.flush()]);
    saves[0]!.resolve();
    await wait(0);
    saves[1]!.resolve();
    await flushes;
    expect(saves).toHaveLength(2);
  });

  it('has nothing to flush when nothing changed', async () => {
    await scheduler.flush();
    expect(saves).toHaveLength(0);
  });

  it('saves slight changes with the next save, or on flush', async () => {
    scheduler.changedSlightly();
    await wait(100_000);
    expect(saves).toHaveLength(0);
    const flushed = scheduler.flush();
    saves[0]!.resolve();
    await flushed;
    expect(saves).toHaveLength(1);
  });

  it('reports a failure once, tries again, and reports the recovery', async () => {
    scheduler.changed();
    await wait(100);
    saves[0]!.reject(new Error('disk full'));
    await wait(4_999);
    expect(saves).toHaveLength(1);
    await wait(1);
    saves[1]!.reject(new Error('still full'));
    await wait(5_000);
    expect(report.failed).toHaveBeenCalledTimes(1);
    expect(report.failed).toHaveBeenCalledWith(new Error('disk full'));
    saves[2]!.resolve();
    await wait(0);
    expect(report.recovered).toHaveBeenCalledTimes(1);
    await wait(100_000);
    expect(saves).toHaveLength(3);
    scheduler.changed();
    await wait(100);
    saves[3]!.reject(new Error('full again'));
    await wait(0);
    expect(report.failed).toHaveBeenCalledTimes(2);
  });

  it('tries again with the next change, sooner than by itself', async () => {
    scheduler.changed();
    await wait(100);
    saves[0]!.reject(new Error('disk full'));
    await wait(0);
    scheduler.changed();
    await wait(100);
    expect(saves).toHaveLength(2);
  });

  it('rejects the flush whose save fails, without a report, and tries again', async () => {
    scheduler.changed();
    const flushed = scheduler.flush();
    saves[0]!.reject(new Error('disk full'));
    await expect(flushed).rejects.toThrow('disk full');
    expect(report.failed).not.toHaveBeenCalled();
    const again = scheduler.flush();
    saves[1]!.resolve();
    await again;
  });

  it('does not reject a flush for the failure of a save that began before', async () => {
    scheduler.changed();
    await wait(100);
    scheduler.changed();
    const flushed = scheduler.flush();
    saves[0]!.reject(new Error('passing'));
    await wait(0);
    saves[1]!.resolve();
    await flushed;
    expect(report.failed).toHaveBeenCalledTimes(1);
  });

  it('starts nothing by itself once stopped', async () => {
    scheduler.changed();
    scheduler.stop();
    scheduler.changed();
    await wait(100_000);
    expect(saves).toHaveLength(0);
    const flushed = scheduler.flush();
    saves[0]!.reject(new Error('disk full'));
    await expect(flushed).rejects.toThrow('disk full');
    await wait(100_000);
    expect(saves).toHaveLength(1);
  });
});
