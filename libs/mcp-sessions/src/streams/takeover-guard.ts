import { isSlow } from './replay.js';
import { MAIN_STREAM_KEY } from './stream-manager.interface.js';
import { StreamContendedError } from './stream-manager.errors.js';
import type { StreamRecord } from './stream-record.js';

export const MAX_TAKEOVERS = 5;
export const TAKEOVER_WINDOW_MS = 10_000;

/**
 * Clients reconnect a stream that ends. Two live ones of the same session would therefore take the stream from
 * each other for ever: after five takeovers in ten seconds the newcomer is refused, as long as the holder lives.
 */
export class TakeoverGuard {
  /** @throws StreamContendedError the stream has changed hands too often, and its holder still takes writes */
  admit(record: StreamRecord, now = Date.now()): void {
    const { connection } = record;
    if (!connection || record.ref.key !== MAIN_STREAM_KEY) return;
    const recent = (record.takeovers ?? []).filter((at) => at > now - TAKEOVER_WINDOW_MS);
    if (!isSlow(connection) && recent.length >= MAX_TAKEOVERS) throw new StreamContendedError();
    record.takeovers = [...recent, now];
  }
}
