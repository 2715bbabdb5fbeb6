import { InvalidConfigurationError } from '../common/errors.js';
import type { Retention } from './event-log.js';
import type { ReplayOptions } from './stream-manager.interface.js';

/** Characters of SSE text that one stream's log keeps. */
const MAX_CHARS_PER_STREAM = 4 * 1024 * 1024;

/**
 * What a stream's log keeps.
 *
 * @throws InvalidConfigurationError a bound is not a positive number
 */
export function retentionOf({ maxEvents = 256, maxAgeMs = 600_000 }: ReplayOptions): Retention {
  if (!Number.isInteger(maxEvents) || maxEvents < 1) {
    throw new InvalidConfigurationError(
      `replay.maxEvents must be a whole number from 1 up; it is ${maxEvents}. Use replay: false to keep nothing.`,
    );
  }
  if (!(maxAgeMs > 0)) {
    throw new InvalidConfigurationError(
      `replay.maxAgeMs must be a number of milliseconds above 0; it is ${maxAgeMs}. Use replay: false to keep nothing.`,
    );
  }
  return { maxEvents, maxAgeMs, maxChars: MAX_CHARS_PER_STREAM };
}
