/** One logged event: the bytes of SSE text without an id line, each as one character. */
export interface LoggedEvent {
  offset: number;
  /** The broadcast log's offset when this event was appended: it comes after that broadcast. */
  broadcast: number;
  data: string;
  /** When it was appended, in milliseconds since the epoch. */
  at: number;
}

/** How much a log keeps. */
export interface Retention {
  maxEvents: number;
  maxAgeMs: number;
  /** Characters of SSE text. The newest event is kept whatever its size. */
  maxChars: number;
}

/** The retained end of one stream's events, oldest first, with offsets that grow by one. */
export class EventLog {
  private readonly events: LoggedEvent[] = [];
  /** Characters of all events in the log. */
  chars = 0;

  constructor(
    private readonly retention: Retention,
    /** The offset of the last event ever appended. */
    public last = 0,
  ) {}

  get isEmpty(): boolean {
    return this.events.length === 0;
  }

  /** When the oldest event's time is over, in milliseconds since the epoch; `undefined` for an empty log. */
  get deadline(): number | undefined {
    const oldest = this.events[0];
    return oldest && oldest.at + this.retention.maxAgeMs;
  }

  append(data: string, broadcast: number, at: number): LoggedEvent {
    this.last += 1;
    const event = { offset: this.last, broadcast, data, at };
    this.events.push(event);
    this.chars += data.length;
    this.trim(at);
    return event;
  }

  /** Drops what is beyond the retention. */
  trim(now: number): void {
    const { maxEvents, maxAgeMs, maxChars } = this.retention;
    const { events } = this;
    while (events.length > maxEvents || (events[0] && events[0].at + maxAgeMs <= now)) this.dropOldest();
    while (events.length > 1 && this.chars > maxChars) this.dropOldest();
  }

  /** The offset of the last event that is no longer here. */
  get lastDropped(): number {
    return this.last - this.events.length;
  }

  /** Whether every event after `offset` is still here. */
  reachesBackTo(offset: number): boolean {
    return offset >= this.lastDropped;
  }

  /** The first retained event after `offset`. */
  firstAfter(offset: number): LoggedEvent | undefined {
    return this.events[Math.max(0, offset - this.lastDropped)];
  }

  private dropOldest(): void {
    this.chars -= this.events.shift()!.data.length;
  }
}
