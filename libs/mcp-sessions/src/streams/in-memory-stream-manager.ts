import { InvalidConfigurationError } from '../common/errors.js';
import { ExpiryQueue } from '../common/expiry-queue.js';
import { parseEventId, type EventPosition } from './event-id.js';
import { EventLog, type Retention } from './event-log.js';
import { deliverEvent, endConnection, replayRecord } from './replay.js';
import { splitEvents } from './sse-frame.js';
import { InvalidEventIdError, StreamLostError } from './stream-manager.errors.js';
import {
  MAIN_STREAM_KEY,
  type EventId,
  type OpenStreamOptions,
  type ReplayOptions,
  type ResumableStreamManager,
  type StreamController,
  type StreamRef,
} from './stream-manager.interface.js';
import type { StreamRecord } from './stream-record.js';
import { StreamRecords } from './stream-records.js';
import { TakeoverGuard } from './takeover-guard.js';

/** Options of {@link InMemoryStreamManager}. */
export interface InMemoryStreamManagerConfig {
  /**
   * What is kept of each stream for resuming, `{ maxEvents: 256, maxAgeMs: 600_000 }` by default; `false` keeps
   * nothing: an event reaches the connection that is there, or nobody.
   */
  replay?: ReplayOptions | false;
}

const DEFAULT_REPLAY = { maxEvents: 256, maxAgeMs: 600_000 };
/** Characters of SSE text that one stream's log keeps. */
const MAX_CHARS_PER_STREAM = 4 * 1024 * 1024;

/**
 * Holds streams and their logs in the memory of this process: for applications of one instance. Streams break
 * and resume exactly (P2); a restart loses the logs, and a client that then resumes is told so.
 */
export class InMemoryStreamManager implements ResumableStreamManager {
  /** Times that a client resumed behind events which were no longer kept. */
  eventsLost = 0;

  private readonly retention: Retention | undefined;
  private readonly broadcasts: EventLog;
  private readonly records: StreamRecords;
  private readonly takeovers = new TakeoverGuard();
  private readonly aging = new ExpiryQueue<StreamRecord>(
    (record) => record.log?.deadline,
    (record) => this.age(record),
  );

  /** @throws InvalidConfigurationError a retention bound is not a positive number */
  constructor({ replay = {} }: InMemoryStreamManagerConfig = {}) {
    if (replay !== false) this.retention = retentionOf({ ...DEFAULT_REPLAY, ...replay });
    this.broadcasts = new EventLog(this.retention ?? { ...DEFAULT_REPLAY, maxChars: 0 });
    this.records = new StreamRecords(
      () => this.broadcasts.last,
      (record) => this.aging.forget(record),
    );
  }

  /** Connections attached to a stream, request streams included. */
  get size(): number {
    return this.records.connected.size;
  }

  async create(sessionId: string, controller: StreamController): Promise<void> {
    await this.open({ sessionId, key: MAIN_STREAM_KEY }, controller);
  }

  async open(
    stream: StreamRef,
    controller: StreamController,
    { after }: OpenStreamOptions = {},
  ): Promise<void> {
    const position = after === undefined ? undefined : parseEventId(stream.sessionId, after);
    if (position && position.key !== stream.key) throw new InvalidEventIdError();

    let record = this.records.find(stream);
    const known = position === undefined || record?.epoch === position.epoch;
    if (position && known && !this.issued(record!, position)) throw new InvalidEventIdError();
    if (position && !known && stream.key !== MAIN_STREAM_KEY) {
      this.eventsLost += 1;
      throw new StreamLostError(stream);
    }
    record ??= this.records.create(stream);

    this.takeovers.admit(record);
    endConnection(this.records.attach(record, controller));
    const complete = replayRecord(record, this.broadcasts, known ? position : 'lost');
    if (!complete) this.eventsLost += 1;
    if (!record.connection) this.records.connected.delete(record);
    this.detachIfEnded(record);
  }

  async append(stream: StreamRef, data: string, { last = false } = {}): Promise<EventId> {
    const record = this.records.find(stream) ?? this.records.create(stream);
    const events = splitEvents(data);
    for (const event of events) this.appendOne(record, event);
    if (last) {
      record.ended = true;
      this.records.retainFinished(record);
      this.detachIfEnded(record);
    }
    return this.retention ? record.eventId(record.lastOffset, record.deliveredBroadcast) : '';
  }

  async send(sessionIds: string[] | undefined, data: string): Promise<void> {
    if (sessionIds === undefined) return this.broadcast(data);
    for (const sessionId of sessionIds) await this.append({ sessionId, key: MAIN_STREAM_KEY }, data);
  }

  async position(stream: StreamRef): Promise<EventId> {
    if (!this.retention) return '';
    return (this.records.find(stream) ?? this.records.create(stream)).position;
  }

  streamOf(sessionId: string, eventId: EventId): StreamRef {
    return { sessionId, key: parseEventId(sessionId, eventId).key };
  }

  async release(stream: StreamRef, controller?: StreamController): Promise<void> {
    const record = this.records.find(stream);
    if (!record?.connection || (controller && record.connection !== controller)) return;
    endConnection(this.records.detach(record));
    if (!this.retention && stream.key !== MAIN_STREAM_KEY) this.records.remove(record);
  }

  async delete(sessionId: string): Promise<void> {
    for (const connection of this.records.removeSession(sessionId)) endConnection(connection);
  }

  async has(sessionId: string): Promise<boolean> {
    return this.records.find({ sessionId, key: MAIN_STREAM_KEY })?.connection !== undefined;
  }

  async close(): Promise<void> {
    this.aging.clear();
    const connections = [...this.records.connected].map((record) => record.connection);
    this.records.clear();
    for (const connection of connections) endConnection(connection);
  }

  /** Whether this position was ever given out: ids come from clients, and may be made up. */
  private issued(record: StreamRecord, position: EventPosition): boolean {
    return position.offset <= record.lastOffset && position.broadcast <= this.broadcasts.last;
  }

  private appendOne(record: StreamRecord, data: string): void {
    if (!this.retention) {
      if (record.connection) deliverEvent(record, data);
    } else {
      const event = record.append(data, this.broadcasts.last, this.retention, Date.now());
      this.aging.watch(record);
      if (record.connection) deliverEvent(record, data, event.offset, record.deliveredBroadcast);
    }
    if (!record.connection) this.records.connected.delete(record);
  }

  private broadcast(data: string): void {
    for (const event of splitEvents(data)) {
      const offset = this.retention ? this.broadcasts.append(event, 0, Date.now()).offset : undefined;
      for (const record of this.records.connected) {
        if (record.ref.key !== MAIN_STREAM_KEY) continue;
        deliverEvent(record, event, record.delivered, offset);
        if (!record.connection) this.records.connected.delete(record);
      }
    }
  }

  /** Ends the connection of a stream whose last event has been delivered. */
  private detachIfEnded(record: StreamRecord): void {
    if (record.ended && record.connection && (record.delivered === record.lastOffset || !this.retention)) {
      endConnection(this.records.detach(record));
    }
    if (record.ended && !this.retention) this.records.remove(record);
  }

  private age(record: StreamRecord): void {
    record.log?.trim(Date.now());
    this.aging.watch(record);
    const isMain = record.ref.key === MAIN_STREAM_KEY;
    if (record.log?.isEmpty && !record.connection && record.ended && !isMain) this.records.remove(record);
  }
}

function retentionOf({ maxEvents, maxAgeMs }: Required<ReplayOptions>): Retention {
  if (!Number.isInteger(maxEvents) || maxEvents < 1) {
    throw new InvalidConfigurationError(
      `replay.maxEvents must be a whole number from 1 up; it is ${maxEvents}. Use replay: false to keep nothing.`,
    );
  }
  if (!(maxAgeMs > 0)) {
    throw new InvalidConfigurationError(
      `replay.maxAgeMs must be a number of milliseconds above 0; it is ${maxAgeMs}. Use replay: false to keep nothing.`,
    );
  }
  return { maxEvents, maxAgeMs, maxChars: MAX_CHARS_PER_STREAM };
}
