import { EventLog, type Retention } from '../event-log.js';
import { bytesOf } from '../sse-frame.js';

/** Broadcasts that are kept here while others before them are missing: Redis has them, too. */
const MAX_AHEAD = 1_000;

/** The broadcasts that Redis keeps behind an offset. */
export interface StoredBroadcasts {
  epoch: string;
  last: number;
  /** Entries of the log, the newest of which has the offset `last`: time, line feed, text. */
  entries: string[];
}

/** When broadcasts were appended, and the one before them, if that is known: else 0. */
export interface BroadcastTimes {
  at: number;
  previousAt: number;
}

/** A place in the log of broadcasts. */
export interface BroadcastPosition {
  epoch: string;
  offset: number;
}

/**
 * This instance's copy of the log of broadcasts. Messages bring what is new; whatever is missing before it is read from
 * Redis. So a stream that resumes finds the broadcasts here, without a question to Redis.
 */
export class BroadcastMirror {
  epoch = '0';
  log: EventLog;
  /** When the last one was appended: 0 if that is not known, -1 if Redis has given its offset to two of them. */
  lastAt = 0;
  /** Broadcasts that came before others that are missing. */
  private readonly ahead = new Map<number, BroadcastTimes & { data: string }>();

  /**
   * @param onAppended called with each broadcast that follows the last one
   * @param onLost called when broadcasts that have not been here are no longer kept, or Redis has begun a new log
   */
  constructor(
    private readonly retention: Retention,
    private readonly onAppended: (data: string, offset: number) => void,
    private readonly onLost: () => void,
  ) {
    this.log = new EventLog(retention);
  }

  /** Whether broadcasts are missing between those that are here and others that have come. */
  get hasGap(): boolean {
    return this.ahead.size > 0;
  }

  get position(): string {
    return formatPosition({ epoch: this.epoch, offset: this.log.last });
  }

  /**
   * Takes broadcasts that a message brought.
   *
   * @returns `false` if they are of another log, or of one that has gone back in time: read that one from Redis
   */
  receive(epoch: string, first: number, { at, previousAt }: BroadcastTimes, texts: string[]): boolean {
    if (epoch !== this.epoch || this.lastAt < 0) return false;
    for (const [index, data] of texts.entries()) {
      const offset = first + index;
      if (offset > this.log.last) {
        if (this.ahead.size >= MAX_AHEAD) return false;
        this.ahead.set(offset, { data, at, previousAt: index === 0 ? previousAt : at });
      } else if (this.isContradicted(offset, at)) {
        this.lastAt = -1;
        return false;
      }
    }
    this.appendAhead();
    return this.lastAt >= 0;
  }

  /** Takes what Redis keeps. */
  load({ epoch, last, entries }: StoredBroadcasts): void {
    const first = last - entries.length + 1;
    const isFirst = this.epoch === '0';
    const isLost = epoch !== this.epoch || first - 1 > this.log.last;
    if (epoch !== this.epoch) this.ahead.clear();
    if (isLost) this.log = new EventLog(this.retention, first - 1);
    if (isLost) this.lastAt = 0;
    this.epoch = epoch;
    if (isLost && !isFirst) this.onLost();
    for (const [index, entry] of entries.entries()) {
      if (first + index <= this.log.last) continue;
      const separator = entry.indexOf('\n');
      const data = bytesOf(entry.slice(separator + 1));
      this.ahead.set(first + index, { data, at: Number(entry.slice(0, separator)), previousAt: 0 });
    }
    this.appendAhead();
  }

  /** Whether another broadcast is here under that offset. */
  private isContradicted(offset: number, at: number): boolean {
    const known = this.log.firstAfter(offset - 1);
    return known !== undefined && known.offset === offset && known.at !== at;
  }

  private appendAhead(): void {
    for (;;) {
      const next = this.ahead.get(this.log.last + 1);
      if (!next) break;
      if (next.previousAt > 0 && this.lastAt > 0 && next.previousAt !== this.lastAt) {
        // It follows another broadcast than the one that is here.
        this.lastAt = -1;
        return;
      }
      this.ahead.delete(this.log.last + 1);
      this.log.append(next.data, 0, next.at);
      this.lastAt = next.at;
      this.onAppended(next.data, this.log.last);
    }
    for (const offset of this.ahead.keys()) {
      if (offset <= this.log.last) this.ahead.delete(offset);
    }
  }
}

export function formatPosition({ epoch, offset }: BroadcastPosition): string {
  return `${epoch}:${offset}`;
}

export function parsePosition(text: string): BroadcastPosition {
  const [epoch, offset] = text.split(':');
  return { epoch: epoch!, offset: Number(offset) };
}
