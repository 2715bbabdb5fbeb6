import { setTimeout as sleep } from 'node:timers/promises';

/** User and system time of this process so far, in microseconds. */
export function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Resident memory of this process in bytes, once garbage is collected and the figure has come to rest.
 * Needs `--expose-gc`.
 */
export async function settledRss({ attempts = 20, pauseMs = 250, tolerance = 0.002 } = {}) {
  if (!global.gc) throw new Error('settledRss needs --expose-gc');
  let last = Infinity;
  for (let i = 0; i < attempts; i++) {
    global.gc();
    await sleep(pauseMs);
    const rss = process.memoryUsage.rss();
    if (Math.abs(rss - last) <= last * tolerance) return rss;
    last = rss;
  }
  return last;
}

/** What every server under measurement answers. */
export const usageCommands = { cpu: cpuMicroseconds, rss: () => settledRss() };
