import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until `condition` gives something truthy, and returns that. */
export async function eventually<T>(
  message: string,
  condition: () => T | Promise<T>,
  timeoutMs = 8_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms: ${message}`);
    await delay(5);
  }
}

/** Rejects if the promise has not settled in time, saying what was waited for. */
export async function within<T>(message: string, promise: Promise<T>, timeoutMs = 8_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${timeoutMs} ms: ${message}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
