import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import { APPEND_SIGNALS } from '../../redis/scripts/append-signals.lua.js';
import { READ_SIGNALS } from '../../redis/scripts/read-signals.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { StreamManagerUnavailableError } from '../stream-manager.errors.js';
import type { RedisClock } from './redis-clock.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisStreamSettings } from './settings.js';
import type { SignalPosition, StoredSignals } from './signal-cursor.js';
import { takeBatch, type BatchBounds } from './take-batch.js';

/** What one script carries out: more would keep others waiting. */
const MOST: BatchBounds = { items: 128, chars: 1024 * 1024 };
/** Characters that may wait for Redis. */
const MAX_WAITING_CHARS = 64 * 1024 * 1024;
/** How long a batch stays repeatable: longer than anybody repeats it. */
const REPEATABLE_MS = 60_000;
/** What the log keeps. It is for instances that hear nothing for a moment. */
const MAX_BATCHES = 8_192;
const MAX_BYTES = 4 * 1024 * 1024;
/** How long the log keeps a signal, and outlives the last one, in milliseconds. */
export const SIGNALS_LIFETIME_MS = 300_000;

interface Waiting {
  line: string;
  chars: number;
  since: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A message that this instance sends itself. */
export interface Probe {
  channel: string;
  message: string;
}

/** The log of signals in Redis: one for all instances. */
export class SignalLog {
  private readonly waiting: Waiting[] = [];
  private waitingChars = 0;
  private isRunning = false;
  private batches = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    private readonly clock: RedisClock,
  ) {}

  /**
   * Appends a signal and tells every instance. What comes while Redis is asked goes with the next batch: there is never
   * more than one under way, so that it can be repeated when its answer was lost.
   *
   * @param line the signal, without a line feed
   */
  append(line: string): Promise<void> {
    const chars = line.length;
    if (this.waitingChars + chars > MAX_WAITING_CHARS) {
      return Promise.reject(new StreamManagerUnavailableError('Too much waits for Redis'));
    }
    return new Promise((resolve, reject) => {
      this.waitingChars += chars;
      this.waiting.push({ line, chars, since: performance.now(), resolve, reject });
      if (!this.isRunning) void this.drain();
    });
  }

  /** Reads what is behind a place; `undefined`: only where the log ends. Sends the probe in the same round trip. */
  async read(from: SignalPosition | undefined, probe?: Probe): Promise<StoredSignals> {
    const args = [from?.offset ?? -1, from?.id ?? '', probe?.channel ?? '', probe?.message ?? ''];
    const answer = await this.redis.run(READ_SIGNALS, [this.keys.signals], args);
    const [now, continues, tail, ...elements] = answer as [number, number, string, ...string[]];
    const batches: StoredSignals['batches'] = [];
    for (let index = 0; index < elements.length; index += 2) {
      batches.push({ ...batchOf(elements[index]!), signals: elements[index + 1]! });
    }
    return { now, continues: continues === 1, last: tail === '' ? undefined : batchOf(tail), batches };
  }

  private async drain(): Promise<void> {
    this.isRunning = true;
    // Whatever is signalled in the same tick goes with it.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const batch = takeBatch(this.waiting, MOST);
      try {
        await this.run(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      } finally {
        for (const { chars } of batch) this.waitingChars -= chars;
      }
    }
    this.isRunning = false;
  }

  /** Runs the script, again if need be: it knows a repetition. */
  private async run(batch: Waiting[]): Promise<void> {
    this.batches += 1;
    const { instanceId } = this.settings;
    const keys = [this.keys.signaller(instanceId), this.keys.signals];
    const args = [
      ...[this.batches, this.clock.now() + REPEATABLE_MS / 2, REPEATABLE_MS],
      ...[MAX_BATCHES, SIGNALS_LIFETIME_MS, MAX_BYTES, instanceId, this.keys.broadcastChannel],
      batch.map(({ line }) => line).join('\n'),
    ];
    const call = (): Promise<unknown> => this.redis.run(APPEND_SIGNALS, keys, args);
    await repeatedCall(this.redis, call, { since: batch[0]!.since });
  }
}

/** Reads the line about a batch that `append-signals` writes. */
function batchOf(line: string): { offset: number; id: string; previous: string; at: number } {
  const [offset, id, previous, at] = line.split(' ') as [string, string, string, string];
  return { offset: Number(offset), id, previous, at: Number(at) };
}
