import type { RedisArgument, RedisConnection } from '../../redis/redis-connection.interface.js';
import { APPEND_EVENTS } from '../../redis/scripts/append-events.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { StreamManagerUnavailableError } from '../stream-manager.errors.js';
import type { RedisClock } from './redis-clock.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisStreamSettings } from './settings.js';
import { newEpoch } from './stream-directory.js';
import { takeBatch, type BatchBounds } from './take-batch.js';

/** What one script carries out: more would keep others waiting. */
const MOST: BatchBounds = { items: 256, chars: 1024 * 1024 };
/** Characters that may wait for Redis. */
const MAX_WAITING_CHARS = 64 * 1024 * 1024;
/** Outside a Cluster, batches that are under way at a time: one stream's are always in the same lane. */
const LANES = 4;
/** How long a batch stays repeatable: longer than anybody repeats it. */
const REPEATABLE_MS = 60_000;

/** Events for one stream. */
export interface Append {
  session: string;
  field: string;
  /** SSE text, an event each. */
  texts: string[];
  isLast: boolean;
  /** The last broadcast before these, as far as this instance knows. */
  broadcast: string;
}

/** Where the events stand in the log. */
export interface Appended {
  epoch: string;
  /** The offset of the last one. */
  last: number;
  at: number;
  /** When the event before these was appended; 0 if that is not known. */
  previousAt: number;
  /** Whether this instance holds the stream, so that nobody else delivers the events. */
  isHeldHere: boolean;
}

/** What becomes of the events. */
export interface AppendListener {
  /** They have been appended; called before the caller knows of it. */
  onAppended(append: Append, appended: Appended): void;
  /** Redis did not answer: nobody knows. */
  onFailed(append: Append): void;
}

/** An append until Redis has answered. */
class Waiting {
  readonly since = performance.now();
  readonly appended: Promise<Appended>;
  resolve!: (appended: Appended) => void;
  reject!: (error: Error) => void;

  constructor(
    readonly append: Append,
    readonly chars: number,
  ) {
    this.appended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

interface Lane {
  underWay: Waiting[];
  waiting: Waiting[];
}

/**
 * Appends events in batches: what is asked for while one batch is under way goes with the next. There is never more than
 * one batch of a stream under way. So a batch can be repeated when its answer was lost, without loss, doubles or disorder.
 */
export class AppendQueue {
  private readonly lanes = new Map<string, Lane>();
  private waitingChars = 0;
  private batches = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    private readonly clock: RedisClock,
    private readonly listener: AppendListener,
  ) {}

  /** @throws StreamManagerUnavailableError Redis did not answer in time; the events may have been appended all the same */
  add(append: Append): Promise<Appended> {
    let chars = 0;
    for (const text of append.texts) chars += text.length;
    if (this.waitingChars + chars > MAX_WAITING_CHARS) {
      return Promise.reject(new StreamManagerUnavailableError('Too much waits for Redis'));
    }
    this.waitingChars += chars;
    const waiting = new Waiting(append, chars);
    this.enqueue(waiting);
    return waiting.appended;
  }

  /** Resolves when what has been asked for the session until now has been done, or has failed. */
  async settled(session: string): Promise<void> {
    const { underWay = [], waiting = [] } = this.lanes.get(this.laneOf(session)) ?? {};
    const isOfSession = ({ append }: Waiting): boolean => append.session === session;
    const last = waiting.findLast(isOfSession) ?? underWay.findLast(isOfSession);
    await last?.appended.catch(() => undefined); // whoever appends is told
  }

  private enqueue(waiting: Waiting): void {
    const name = this.laneOf(waiting.append.session);
    const lane = this.lanes.get(name);
    if (lane) {
      lane.waiting.push(waiting);
      return;
    }
    const started: Lane = { waiting: [waiting], underWay: [] };
    this.lanes.set(name, started);
    void this.drain(name, started);
  }

  private async drain(name: string, lane: Lane): Promise<void> {
    // Whatever is asked for in the same tick goes with it.
    await Promise.resolve();
    while (lane.waiting.length > 0) {
      lane.underWay = takeBatch(lane.waiting, MOST);
      await this.carryOut(name, lane.underWay);
    }
    this.lanes.delete(name);
  }

  private async carryOut(lane: string, batch: Waiting[]): Promise<void> {
    try {
      const answer = await this.run(lane, batch);
      for (const [index, line] of answer.split('\n').entries()) {
        const [epoch, last, held, at, before] = line.split(' ') as [string, string, string, string, string];
        const times = { at: Number(at), previousAt: Number(before) };
        const appended = { epoch, last: Number(last), ...times, isHeldHere: held === '1' };
        if (index === 0) this.clock.set(appended.at);
        const { append, resolve } = batch[index]!;
        this.listener.onAppended(append, appended);
        resolve(appended);
      }
    } catch (cause) {
      const error = new StreamManagerUnavailableError(undefined, { cause });
      for (const { append, reject } of batch) {
        reject(error);
        this.listener.onFailed(append);
      }
    } finally {
      for (const { chars } of batch) this.waitingChars -= chars;
    }
  }

  /** Runs the script, again if need be: it knows a repetition. */
  private async run(lane: string, batch: Waiting[]): Promise<string> {
    this.batches += 1;
    const [keys, args] = this.scriptArguments(lane, batch);
    const answer = await repeatedCall(this.redis, () => this.redis.run(APPEND_EVENTS, keys, args), {
      since: batch[0]!.since,
    });
    return answer as string;
  }

  private scriptArguments(lane: string, batch: Waiting[]): [string[], RedisArgument[]] {
    const { instanceId, replay, ttlMs } = this.settings;
    const texts = new Map<string, number>();
    const appends: RedisArgument[] = [];
    const { isCluster } = this.redis;
    const writer = isCluster ? this.keys.sessionWriter(instanceId, lane) : this.keys.writer(instanceId, lane);
    const keys = [writer];
    for (const { append } of batch) {
      const { session, field, texts: own, isLast, broadcast } = append;
      keys.push(this.keys.streams(session), this.keys.logs(session) + field);
      appends.push(session, field, broadcast, isLast ? 1 : 0, own.length);
      for (const text of own) {
        const number = texts.get(text) ?? texts.size;
        texts.set(text, number);
        appends.push(number);
      }
    }
    const { maxEvents = 0, maxAgeMs = 0, maxChars = 0 } = replay ?? {};
    const args = [
      ...[this.batches, this.clock.now() + REPEATABLE_MS / 2, REPEATABLE_MS, maxEvents, maxAgeMs, maxChars],
      ...[ttlMs, instanceId, this.keys.channelPrefix, isCluster ? 0 : 1],
      ...[newEpoch(), texts.size, ...texts.keys(), ...appends],
    ];
    return [keys, args];
  }

  /** A lane of its own for each session in a Cluster: a script touches the keys of one slot only. */
  private laneOf(session: string): string {
    if (this.redis.isCluster) return session;
    // The last character of a random id is as good as a hash.
    return String((session.charCodeAt(session.length - 1) || 0) % LANES);
  }
}
