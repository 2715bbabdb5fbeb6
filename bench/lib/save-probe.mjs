import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { metadata } from './session-metadata.mjs';

const BATCH = 100;

/**
 * @typedef {{ set(sessionId: string, data: any): Promise<void>, flush(): Promise<void>, keys(): Promise<string[]> }} FileStore
 */

/**
 * The longest time that the event loop was kept busy while a store wrote all its sessions to the file. The
 * sessions are stored first, unmeasured; then, `saves` times, one more change makes the store save.
 * @param {(path: string) => FileStore} openStore
 * @param {{ sessions: number, saves: number }} size
 */
export async function measureSaves(openStore, { sessions, saves }) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-sessions-'));
  const path = join(directory, 'sessions.json');
  try {
    const store = openStore(path);
    for (let stored = 0; stored < sessions; stored += BATCH) {
      await Promise.all(Array.from({ length: BATCH }, () => store.set(randomUUID(), metadata())));
      await sleep(0);
    }
    await store.flush();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const blocks = [];
    const saveMs = [];
    for (let i = 0; i < saves; i++) {
      await sleep(100);
      delay.enable();
      await sleep(20);
      delay.reset();
      const start = performance.now();
      await store.set('one-more', metadata());
      await store.flush();
      saveMs.push(performance.now() - start);
      await sleep(20);
      blocks.push(delay.max / 1e6);
      delay.disable();
    }
    const kept = (await store.keys()).length;
    if (kept !== sessions + 1) throw new Error(`the store kept ${kept} of ${sessions + 1} sessions`);
    return { value: Math.max(...blocks), blocks, saveMs, fileMiB: statSync(path).size / 2 ** 20 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
