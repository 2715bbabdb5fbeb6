import { AssertionError } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `condition` holds, asking again and again.
 *
 * @param message what was waited for, for the error
 * @param timeoutMs how long to wait at most, in milliseconds
 * @throws AssertionError it did not hold in time
 */
export async function eventually(
  message: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 4_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new AssertionError({ message: `Waited ${timeoutMs} ms: ${message}` });
    await delay(5);
  }
}
