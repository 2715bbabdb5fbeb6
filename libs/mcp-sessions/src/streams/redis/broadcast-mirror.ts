import { EventLog, type Retention } from '../event-log.js';
import { bytesOf } from '../sse-frame.js';

/** The broadcasts that Redis keeps behind an offset. */
export interface StoredBroadcasts {
  epoch: string;
  last: number;
  /** Entries of the log, the newest of which has the offset `last`: time, line feed, text. */
  entries: string[];
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
  /** Broadcasts that came before others that are missing. */
  private readonly ahead = new Map<number, { data: string; at: number }>();

  /**
   * @param onAppended called with each broadcast that follows the last one
   * @param onReset called when Redis has begun a new log: whatever was in the old one is lost
   */
  constructor(
    private readonly retention: Retention,
    private readonly onAppended: (data: string, offset: number) => void,
    private readonly onReset: () => void,
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

  /** Takes broadcasts that a message brought. @returns `false` if they are of another log: read that one from Redis */
  receive(epoch: string, first: number, at: number, texts: string[]): boolean {
    if (epoch !== this.epoch) return false;
    for (const [index, data] of texts.entries()) {
      if (first + index > this.log.last) this.ahead.set(first + index, { data, at });
    }
    this.appendAhead();
    return true;
  }

  /** Takes what Redis keeps. */
  load({ epoch, last, entries }: StoredBroadcasts): void {
    const first = last - entries.length + 1;
    if (epoch !== this.epoch) {
      const isFirst = this.epoch === '0';
      this.epoch = epoch;
      this.ahead.clear();
      this.log = new EventLog(this.retention, isFirst ? first - 1 : 0);
      if (!isFirst) this.onReset();
    }
    // Those before the first one are no longer kept: a stream that has not had them finds that out by its offset.
    if (first - 1 > this.log.last) this.log = new EventLog(this.retention, first - 1);
    for (const [index, entry] of entries.entries()) {
      if (first + index <= this.log.last) continue;
      const separator = entry.indexOf('\n');
      const data = bytesOf(entry.slice(separator + 1));
      this.ahead.set(first + index, { data, at: Number(entry.slice(0, separator)) });
    }
    this.appendAhead();
  }

  private appendAhead(): void {
    for (;;) {
      const next = this.ahead.get(this.log.last + 1);
      if (!next) break;
      this.ahead.delete(this.log.last + 1);
      this.log.append(next.data, 0, next.at);
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
