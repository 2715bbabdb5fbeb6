import { setImmediate } from 'node:timers/promises';

const DEFAULT_BATCH = 1_000;

/**
 * The same values, with a pause after each batch, in which other work gets its turn however fast the reader is.
 *
 * @param batch how many values come between two pauses
 */
export async function* withPauses<T>(
  values: Iterable<T>,
  batch = DEFAULT_BATCH,
): AsyncGenerator<T, void, undefined> {
  let count = 0;
  for (const value of values) {
    yield value;
    count += 1;
    if (count % batch === 0) await setImmediate();
  }
}
