import { randomUUID } from 'node:crypto';
import { MAIN_STREAM_KEY, type StreamController, type StreamRef } from './stream-manager.interface.js';
import { StreamRecord } from './stream-record.js';

/** Request streams of one session, running ones included: beyond that the oldest without a connection are dropped. */
const MAX_REQUESTS_PER_SESSION = 256;
/** Finished request streams that one session keeps for resuming. */
const MAX_FINISHED_PER_SESSION = 32;
/** Characters that the finished request streams of all sessions keep together. */
const MAX_FINISHED_CHARS = 128 * 1024 * 1024;

interface SessionStreams {
  main?: StreamRecord;
  requests?: Map<string, StreamRecord>;
  /** Those that have ended, in the order in which they ended. */
  finished?: Set<StreamRecord>;
}

/** The streams of all sessions in this process, and the bounds on what finished ones may keep. */
export class StreamRecords {
  /** Streams that a connection holds. */
  readonly connected = new Set<StreamRecord>();
  private readonly sessions = new Map<string, SessionStreams>();
  /** Request streams of all sessions that have ended and are kept for resuming, in the order in which they ended. */
  private readonly finished = new Set<StreamRecord>();
  private finishedChars = 0;

  constructor(
    private readonly broadcastOffset: () => number,
    private readonly onRemoved: (record: StreamRecord) => void,
  ) {}

  find({ sessionId, key }: StreamRef): StreamRecord | undefined {
    const streams = this.sessions.get(sessionId);
    return key === MAIN_STREAM_KEY ? streams?.main : streams?.requests?.get(key);
  }

  create(stream: StreamRef): StreamRecord {
    // Random, since it is part of the event ids: a counter would tell a client how busy the others are. The last
    // group of a UUID is 48 random bits, and Node draws the bits of many UUIDs at once.
    const epoch = randomUUID().slice(-12);
    const record = new StreamRecord({ ...stream }, epoch, this.broadcastOffset());
    let streams = this.sessions.get(stream.sessionId);
    if (!streams) this.sessions.set(stream.sessionId, (streams = {}));
    if (stream.key === MAIN_STREAM_KEY) {
      streams.main = record;
    } else {
      const requests = (streams.requests ??= new Map<string, StreamRecord>());
      if (requests.size >= MAX_REQUESTS_PER_SESSION) this.removeFirst(requests.values());
      requests.set(stream.key, record);
    }
    return record;
  }

  /** @returns the connection that held the stream before */
  attach(record: StreamRecord, connection: StreamController): StreamController | undefined {
    const former = record.connection;
    record.connection = connection;
    this.connected.add(record);
    return former === connection ? undefined : former;
  }

  /** @returns the connection that held the stream */
  detach(record: StreamRecord): StreamController | undefined {
    const former = record.connection;
    record.connection = undefined;
    this.connected.delete(record);
    return former;
  }

  /** Counts a request stream that has ended, and drops the oldest ones beyond the bounds. */
  retainFinished(record: StreamRecord): void {
    if (record.ref.key === MAIN_STREAM_KEY || this.finished.has(record)) return;
    if (this.find(record.ref) !== record) return;
    const streams = this.sessions.get(record.ref.sessionId)!;
    this.finished.add(record);
    record.finishedChars = record.log?.chars ?? 0;
    this.finishedChars += record.finishedChars;
    const finished = (streams.finished ??= new Set()).add(record);
    if (finished.size > MAX_FINISHED_PER_SESSION) this.removeFirst(finished);
    for (const oldest of this.finished) {
      if (this.finishedChars <= MAX_FINISHED_CHARS) break;
      if (oldest !== record) this.remove(oldest);
    }
  }

  remove(record: StreamRecord): void {
    const { sessionId, key } = record.ref;
    this.connected.delete(record);
    this.onRemoved(record);
    if (this.finished.delete(record)) this.finishedChars -= record.finishedChars;
    // Whoever still refers to the record, as a queue of deadlines may, keeps no events alive with it.
    record.log = undefined;
    const streams = this.sessions.get(sessionId);
    if (!streams || this.find(record.ref) !== record) return;
    streams.finished?.delete(record);
    if (key === MAIN_STREAM_KEY) delete streams.main;
    else streams.requests?.delete(key);
    if (!streams.main && !streams.requests?.size) this.sessions.delete(sessionId);
  }

  /** @returns the connections that held the session's streams */
  removeSession(sessionId: string): StreamController[] {
    const streams = this.sessions.get(sessionId);
    if (!streams) return [];
    const records = [...(streams.requests?.values() ?? []), ...(streams.main ? [streams.main] : [])];
    const connections = records.flatMap((record) => this.detach(record) ?? []);
    for (const record of records) this.remove(record);
    return connections;
  }

  /** Removes the first of these that no connection holds. */
  private removeFirst(candidates: Iterable<StreamRecord>): void {
    for (const record of candidates) {
      if (!record.connection) return this.remove(record);
    }
  }

  clear(): void {
    this.sessions.clear();
    this.connected.clear();
    this.finished.clear();
    this.finishedChars = 0;
  }
}
