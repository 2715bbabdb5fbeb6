import { formatBroadcastId } from './event-id.js';

/** Characters of SSE text that are handed to a connection in one go: more could hide a slow reader. */
const MAX_CHARS = 64 * 1024;

/** The broadcasts of one tick, composed once for all streams and handed to each connection in one go. */
export class BroadcastBurst {
  private readonly events: { broadcast: number; data: string }[] = [];
  private chars = 0;
  /** What follows the id prefixes, by the own offset in the ids: it is the same for all streams with that offset. */
  private readonly parts = new Map<number, string[]>();

  constructor(
    /** The last broadcast before the first of these. */
    readonly before: number,
    /** What the log keeps, so that a connection which breaks on the burst can resume before it. */
    private readonly maxEvents = Infinity,
  ) {}

  /** The last broadcast of these. */
  get last(): number {
    return this.events.at(-1)?.broadcast ?? this.before;
  }

  /** Whether one more event may be added. */
  takes(data: string): boolean {
    const { length } = this.events;
    return length === 0 || (length < this.maxEvents && this.chars + data.length <= MAX_CHARS);
  }

  add(data: string, broadcast: number): void {
    this.events.push({ broadcast, data });
    this.chars += data.length;
  }

  /** The events without ids. */
  text(): string {
    return this.events.map(({ data }) => data).join('');
  }

  /** The events with the ids of a stream whose last own event has this offset. */
  textWithIds(idPrefix: string, offset: number): string {
    let parts = this.parts.get(offset);
    if (!parts) {
      parts = this.events.map(
        ({ broadcast, data }) => `${formatBroadcastId('', offset, broadcast)}\n${data}`,
      );
      this.parts.set(offset, (parts = ['', ...parts]));
    }
    return parts.join(`id: ${idPrefix}`);
  }
}
