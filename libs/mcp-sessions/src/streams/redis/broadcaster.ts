import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import { BROADCAST_EVENTS } from '../../redis/scripts/broadcast-events.lua.js';
import { READ_BROADCASTS } from '../../redis/scripts/read-broadcasts.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { bytesOf } from '../sse-frame.js';
import { StreamManagerUnavailableError } from '../stream-manager.errors.js';
import type { BroadcastMirror } from './broadcast-mirror.js';
import type { RedisClock } from './redis-clock.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisStreamSettings } from './settings.js';
import { newEpoch } from './stream-directory.js';
import { takeBatch, type BatchBounds } from './take-batch.js';

/** What one script carries out: more would keep others waiting. */
const MOST: BatchBounds = { items: 64, chars: 1024 * 1024 };
const REPEATABLE_MS = 60_000;
/** Characters that may wait for Redis. */
const MAX_WAITING_CHARS = 64 * 1024 * 1024;

interface Waiting {
  texts: string[];
  chars: number;
  since: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** Sends broadcasts to the log of them in Redis, and reads from it: one log, however many sessions there are. */
export class Broadcaster {
  private readonly waiting: Waiting[] = [];
  private waitingChars = 0;
  private isRunning = false;
  private batches = 0;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    private readonly clock: RedisClock,
    private readonly mirror: BroadcastMirror,
  ) {}

  /** Sends texts, an event each. @throws StreamManagerUnavailableError as {@link AppendQueue.add} */
  send(texts: string[]): Promise<void> {
    const chars = texts.reduce((sum, text) => sum + text.length, 0);
    if (this.waitingChars + chars > MAX_WAITING_CHARS) {
      return Promise.reject(new StreamManagerUnavailableError('Too much waits for Redis'));
    }
    return new Promise((resolve, reject) => {
      this.waitingChars += chars;
      this.waiting.push({ texts, chars, since: performance.now(), resolve, reject });
      if (!this.isRunning) void this.drain();
    });
  }

  /** Reads the broadcasts that are not here yet. Whoever asks while it is read gets what is read next. */
  async catchUp(): Promise<void> {
    await this.reading;
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async read(): Promise<void> {
    const { broadcastState, broadcastLog } = this.keys;
    const args = [this.mirror.epoch, this.mirror.log.last, this.mirror.lastAt, newEpoch()];
    const answer = await this.redis.run(READ_BROADCASTS, [broadcastState, broadcastLog], args);
    const [time, epoch, last, ...entries] = answer as [number, string, number, ...string[]];
    this.clock.set(time);
    this.mirror.load({ epoch, last, entries });
  }

  private async drain(): Promise<void> {
    this.isRunning = true;
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const batch = takeBatch(this.waiting, MOST);
      try {
        const texts = batch.flatMap(({ texts: own }) => own);
        const answer = await this.run(texts, batch[0]!.since);
        const [epoch, last, at, before] = answer.split(' ') as [string, string, string, string];
        const first = Number(last) - texts.length + 1;
        const times = { at: Number(at), previousAt: Number(before) };
        // Without a log, the message says it here as everywhere.
        const isKnown = !this.settings.replay || this.mirror.receive(epoch, first, times, texts.map(bytesOf));
        if (!isKnown) await this.catchUp();
        for (const { resolve } of batch) resolve();
      } catch (cause) {
        const error = new StreamManagerUnavailableError(undefined, { cause });
        for (const { reject } of batch) reject(error);
      } finally {
        for (const { chars } of batch) this.waitingChars -= chars;
      }
    }
    this.isRunning = false;
  }

  private async run(texts: string[], since: number): Promise<string> {
    this.batches += 1;
    const { instanceId, replay } = this.settings;
    const { maxEvents = 0, maxAgeMs = 0, maxChars = 0 } = replay ?? {};
    const { broadcastState, broadcastLog, broadcastChannel } = this.keys;
    const args = [
      ...[this.batches, this.clock.now() + REPEATABLE_MS / 2, REPEATABLE_MS],
      ...[maxEvents, maxAgeMs, maxChars, newEpoch(), broadcastChannel, ...texts],
    ];
    const keys = [this.keys.broadcaster(instanceId), broadcastState, broadcastLog];
    const call = (): Promise<unknown> => this.redis.run(BROADCAST_EVENTS, keys, args);
    return (await repeatedCall(this.redis, call, { since })) as string;
  }
}
