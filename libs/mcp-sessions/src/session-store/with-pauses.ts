import { setImmediate } from 'node:timers/promises';

/**
 * The same values, with a pause after each batch, in which other work gets its turn however fast the reader is.
 *
 * @param batch how many values come between two pauses
 */
export async function* withPauses<T>(values: Iterable<T>, batch: number): AsyncGenerator<T, void, undefined> {
  let count = 0;
  for (const value of values) {
    yield value;
    count += 1;
    if (count % batch === 0) await setImmediate();
  }
}
