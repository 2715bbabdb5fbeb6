import { InvalidConfigurationError } from '../common/errors.js';

/** The size of the batches of a scan, unless the caller says otherwise. */
const DEFAULT_BATCH = 1_000;

/**
 * The size of the batches of a scan.
 *
 * @throws InvalidConfigurationError it is no whole number above 0
 */
export function batchOf({ batch = DEFAULT_BATCH }: { batch?: number }): number {
  if (Number.isSafeInteger(batch) && batch > 0) return batch;
  throw new InvalidConfigurationError(`batch must be a whole number above 0, not ${batch}`);
}
