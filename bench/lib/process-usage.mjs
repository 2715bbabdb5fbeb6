import { setTimeout as sleep } from 'node:timers/promises';

/** User and system time of this process so far, in microseconds. */
export function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Memory of this process in bytes, at rest. V8 gives memory back to the system some ten or fifteen seconds after a
 * collection, and only if little happens meanwhile: each round collects once and then leaves the process alone.
 * Needs `--expose-gc`.
 * @param {{ rounds: number, quietMs?: number }} options
 */
export async function settledMemory({ rounds, quietMs = 25_000 }) {
  if (!global.gc) throw new Error('settledMemory needs --expose-gc');
  for (let round = 0; round < rounds; round++) {
    global.gc();
    await sleep(quietMs);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}

/** What every server under measurement answers. */
export const usageCommands = { cpu: cpuMicroseconds, memory: settledMemory };
