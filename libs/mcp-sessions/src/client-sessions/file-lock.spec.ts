import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FileLock } from './file-lock.js';

/** A process id that no process has: Linux gives none above 4,194,304. */
const NO_PROCESS = 99_999_999;

describe('FileLock', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'file-lock-'));
    path = join(directory, 'a', 'lock');
  });

  afterEach(() => rm(directory, { recursive: true }));

  it('lets one at a time work, and leaves nothing behind', async () => {
    let running = 0;
    const work = async (): Promise<void> => {
      expect((running += 1)).toBe(1);
      await delay(1);
      running -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => new FileLock(path).withLock(work)));
    expect(await readdir(join(directory, 'a'))).toEqual([]);
  });

  it('lets go when the work fails', async () => {
    const failing = new FileLock(path).withLock(() => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    expect(await new FileLock(path).withLock(async () => 'ran')).toBe('ran');
  });

  it('gives up when the wait is over, and says who holds the lock', async () => {
    await new FileLock(path).withLock(async () => {
      await expect(new FileLock(path, { waitMs: 50 }).withLock(async () => undefined)).rejects.toMatchObject({
        code: 'SESSIONS_UNAVAILABLE',
        message: `${path} has been held by process ${process.pid} on ${hostname()} for more than 50 ms`,
      });
    });
  });

  it('has one of many waiters at a time take over what a dead process left', async () => {
    await new FileLock(path).withLock(async () => undefined);
    for (let round = 0; round < 20; round += 1) {
      await writeFile(path, JSON.stringify({ token: `dead ${round}`, pid: NO_PROCESS, host: hostname() }));
      let running = 0;
      const work = async (): Promise<void> => {
        expect((running += 1)).toBe(1);
        await delay(1);
        running -= 1;
      };
      await Promise.all(Array.from({ length: 5 }, () => new FileLock(path).withLock(work)));
    }
    expect(await readdir(join(directory, 'a'))).toEqual([]);
  });

  it('takes over a lock of another machine when it shows no sign of life any more', async () => {
    await new FileLock(path).withLock(async () => undefined);
    await writeFile(path, JSON.stringify({ token: 'lost', pid: process.pid, host: 'another machine' }));
    const startedAt = Date.now();
    expect(await new FileLock(path, { lifelessMs: 200 }).withLock(async () => 'ran')).toBe('ran');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(200);
  });

  it('is not taken over while its holder works, however long', async () => {
    const times = { lifelessMs: 100, waitMs: 500 };
    await new FileLock(path, times).withLock(async () => {
      const other = new FileLock(path, times).withLock(async () => undefined);
      await expect(other).rejects.toMatchObject({ code: 'SESSIONS_UNAVAILABLE' });
    });
  });

  it('tells the holder that it has lost the lock, and leaves the lock of its successor alone', async () => {
    const lock = new FileLock(path);
    const successor = JSON.stringify({ token: 'successor', pid: process.pid, host: hostname() });
    await lock.withLock(async () => {
      await lock.assertHeld();
      await writeFile(path, successor);
      await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'SESSIONS_UNAVAILABLE' });
    });
    expect(await readFile(path, 'utf8')).toBe(successor);
  });
});
