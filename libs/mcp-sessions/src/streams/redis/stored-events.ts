import { bytesOf } from '../sse-frame.js';
import type { StoredEvent } from './stream-directory.interface.js';

/**
 * The events in entries of a log, the newest of which has the offset `last`. Each is the time and the broadcast before
 * it, a line feed, and the text.
 */
export function storedEvents(entries: string[], last: number): StoredEvent[] {
  return entries.map((entry, index) => {
    const separator = entry.indexOf('\n');
    const [at, broadcast] = entry.slice(0, separator).split(' ');
    return {
      offset: last - entries.length + 1 + index,
      at: Number(at),
      broadcast: broadcast!,
      data: bytesOf(entry.slice(separator + 1)),
    };
  });
}
