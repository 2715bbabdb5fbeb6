import { MAIN_STREAM_KEY } from '../stream-manager.interface.js';
import type { HeldStream } from './held-stream.js';

/** What is to be done with a stream once it is attached. */
type Waiting = (stream: HeldStream) => void;

/** The streams whose connections are on this instance. */
export class HeldStreams {
  /** Main streams: broadcasts are for these. */
  readonly mains = new Set<HeldStream>();
  private readonly sessions = new Map<string, Map<string, HeldStream>>();
  /** What came for streams while a connection was being attached to them. */
  private readonly attaching = new Map<string, { connections: number; waiting: Waiting[] }>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  find(session: string, field: string): HeldStream | undefined {
    return this.sessions.get(session)?.get(field);
  }

  ofSession(session: string): HeldStream[] {
    return [...(this.sessions.get(session)?.values() ?? [])];
  }

  *all(): IterableIterator<HeldStream> {
    for (const streams of this.sessions.values()) yield* streams.values();
  }

  add(stream: HeldStream): void {
    const former = this.find(stream.session, stream.field);
    if (former) this.remove(former);
    const streams = this.sessions.get(stream.session) ?? new Map<string, HeldStream>();
    this.sessions.set(stream.session, streams.set(stream.field, stream));
    if (stream.ref.key === MAIN_STREAM_KEY) this.mains.add(stream);
    this.count += 1;
  }

  /** @returns whether the stream was here */
  remove(stream: HeldStream): boolean {
    const streams = this.sessions.get(stream.session);
    if (streams?.get(stream.field) !== stream) return false;
    streams.delete(stream.field);
    if (streams.size === 0) this.sessions.delete(stream.session);
    this.mains.delete(stream);
    this.count -= 1;
    return true;
  }

  /** From now until `endAttaching`, what comes for the stream waits, too. */
  beginAttaching(session: string, field: string): void {
    const address = `${session} ${field}`;
    const attaching = this.attaching.get(address);
    if (attaching) attaching.connections += 1;
    else this.attaching.set(address, { connections: 1, waiting: [] });
  }

  /** Does what has waited to a stream that has been attached. */
  endAttaching(session: string, field: string): void {
    const address = `${session} ${field}`;
    const attaching = this.attaching.get(address)!;
    const stream = attaching.waiting.length > 0 && this.find(session, field);
    if (stream) for (const work of attaching.waiting) work(stream);
    attaching.connections -= 1;
    if (attaching.connections === 0) this.attaching.delete(address);
  }

  /** Whether the stream is here, or is being attached. */
  isHere(session: string, field: string): boolean {
    return this.find(session, field) !== undefined || this.attaching.has(`${session} ${field}`);
  }

  /** Does the work to the stream, if it is here, and to one that is being attached as soon as it is. */
  withStream(session: string, field: string, work: Waiting): void {
    this.attaching.get(`${session} ${field}`)?.waiting.push(work);
    const stream = this.find(session, field);
    if (stream) work(stream);
  }
}
