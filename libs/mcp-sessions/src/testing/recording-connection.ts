import type { StreamController } from '../streams/stream-manager.interface.js';
import { parseSse, type SseContent } from './sse-parser.js';

/**
 * A connection that records what it is given. Like the controller of a web stream, it throws when it is used after
 * its end.
 */
export class RecordingConnection implements StreamController {
  /** Set it to 0 for a client that reads too slowly. */
  desiredSize: number | null = null;
  /** Events that the connection takes before it breaks: from then on `enqueue` throws. */
  breaksAfter = Infinity;
  /** Whether the manager has ended it. */
  closed = false;
  private readonly chunks: Uint8Array[] = [];

  enqueue(chunk: Uint8Array): void {
    if (this.closed) throw new TypeError('The connection is closed');
    if (this.chunks.length >= this.breaksAfter) throw new Error('The connection is broken');
    this.chunks.push(chunk.slice());
  }

  close(): void {
    if (this.closed) throw new TypeError('The connection is closed');
    this.closed = true;
  }

  /** What `enqueue` was given: bytes of UTF-8. */
  get text(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(this.chunks));
  }

  get content(): SseContent {
    return parseSse(this.text);
  }

  /** The data of the events, in the order in which they came. */
  get data(): string[] {
    return this.content.events.map(({ data }) => data);
  }
}
