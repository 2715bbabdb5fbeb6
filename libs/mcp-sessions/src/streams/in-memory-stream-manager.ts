import { ExpiryQueue } from '../common/expiry-queue.js';
import { BroadcastBurst } from './broadcast-burst.js';
import { parseEventId, type EventPosition } from './event-id.js';
import { EventLog, type Retention } from './event-log.js';
import { deliver, deliverBurst, deliverMissing, endConnection, moveTo, replayRecord } from './replay.js';
import { retentionOf } from './retention.js';
import { bytesOf, splitEvents } from './sse-frame.js';
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

const NOTHING: Retention = { maxEvents: 0, maxAgeMs: 0, maxChars: 0 };

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
  /** The broadcasts of this tick that no connection has been handed yet. */
  private burst: BroadcastBurst | undefined;
  private fanOutTask: Promise<void> | undefined;
  private readonly takeovers = new TakeoverGuard();
  private readonly aging = new ExpiryQueue<StreamRecord>(
    (record) => record.log?.deadline,
    (record) => this.age(record),
  );

  /** @throws InvalidConfigurationError a retention bound is not a positive number */
  constructor({ replay = {} }: InMemoryStreamManagerConfig = {}) {
    if (replay !== false) this.retention = retentionOf(replay);
    this.broadcasts = new EventLog(this.retention ?? NOTHING);
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
    { after, onPosition }: OpenStreamOptions = {},
  ): Promise<void> {
    this.fanOut();
    const position = after === undefined ? undefined : parseEventId(stream.sessionId, after);
    if (position && position.key !== stream.key) throw new InvalidEventIdError();

    this.dropAged(stream);
    let record = this.records.find(stream);
    const known = position === undefined || record?.hasEpoch(position.epoch) === true;
    if (position && known && !this.issued(record!, position)) throw new InvalidEventIdError();
    if (position && !known && stream.key !== MAIN_STREAM_KEY) {
      this.eventsLost += 1;
      throw new StreamLostError(stream);
    }
    record ??= this.records.create(stream);
    record.joined = true;

    this.takeovers.admit(record);
    endConnection(this.records.attach(record, controller));
    moveTo(record, known ? position : 'lost');
    if (this.retention) onPosition?.(record.position);
    const complete = replayRecord(record, this.broadcasts, !known);
    if (!complete) this.eventsLost += 1;
    this.endIfEnded(record);
    this.forgetIfBroken(record);
  }

  async append(stream: StreamRef, data: string, { last = false } = {}): Promise<EventId> {
    this.fanOut();
    const record = this.records.find(stream) ?? (this.retention && this.records.create(stream));
    if (!record) return '';
    // Behind the end of a stream comes nothing: its request has been answered.
    const events = record.ended ? [] : splitEvents(bytesOf(data));
    for (const event of events) this.appendOne(record, event);
    const eventId = this.retention ? record.eventId(record.lastOffset, this.broadcastsBefore(record)) : '';
    if (last) {
      record.ended = true;
      this.records.retainFinished(record);
    }
    this.endIfEnded(record);
    this.forgetIfBroken(record);
    return eventId;
  }

  async send(sessionIds: string[] | undefined, data: string): Promise<void> {
    if (sessionIds === undefined) return this.broadcast(data);
    // All in one go: with a pause between them, a later call could get ahead on some of the streams.
    await Promise.all(
      Array.from(new Set(sessionIds), (sessionId) => this.append({ sessionId, key: MAIN_STREAM_KEY }, data)),
    );
  }

  async hasEnded(stream: StreamRef): Promise<boolean> {
    return this.records.find(stream)?.ended === true;
  }

  async position(stream: StreamRef): Promise<EventId> {
    this.fanOut();
    if (!this.retention) return '';
    const record = this.records.find(stream) ?? this.records.create(stream);
    record.joined = true;
    return record.position;
  }

  streamOf(sessionId: string, eventId: EventId): StreamRef {
    return { sessionId, key: parseEventId(sessionId, eventId).key };
  }

  async release(stream: StreamRef, controller?: StreamController): Promise<void> {
    this.fanOut();
    const record = this.records.find(stream);
    if (!record?.connection || (controller && record.connection !== controller)) return;
    endConnection(this.records.detach(record));
    this.forgetIfBroken(record);
  }

  async delete(sessionId: string): Promise<void> {
    this.fanOut();
    for (const connection of this.records.removeSession(sessionId)) endConnection(connection);
  }

  async has(sessionId: string): Promise<boolean> {
    return this.records.find({ sessionId, key: MAIN_STREAM_KEY })?.connection !== undefined;
  }

  async close(): Promise<void> {
    this.fanOut();
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
      deliver(record, data);
      return;
    }
    record.append(data, this.broadcastsBefore(record), this.retention, Date.now());
    this.aging.watch(record);
    deliverMissing(record, this.broadcasts);
  }

  /** The last broadcast that comes before what is appended to the stream now. */
  private broadcastsBefore(record: StreamRecord): number {
    return record.ref.key === MAIN_STREAM_KEY ? this.broadcasts.last : record.firstBroadcast;
  }

  /** Logs the broadcast, and hands all of this tick to the connections together: that costs them one write. */
  private broadcast(data: string): Promise<void> {
    for (const event of splitEvents(bytesOf(data))) {
      if (!this.burst?.takes(event)) this.fanOut();
      this.burst ??= new BroadcastBurst(this.broadcasts.last, this.retention?.maxEvents);
      if (this.retention) this.broadcasts.append(event, 0, Date.now());
      this.burst.add(event, this.broadcasts.last);
    }
    this.fanOutTask ??= Promise.resolve().then(() => {
      this.fanOutTask = undefined;
      this.fanOut();
    });
    return this.fanOutTask;
  }

  /** Hands the broadcasts that wait for the end of the tick to the connections; whatever is asked later comes behind. */
  private fanOut(): void {
    const { burst } = this;
    if (!burst) return;
    this.burst = undefined;
    const text = this.retention ? '' : burst.text();
    for (const record of this.records.connected) {
      if (record.ref.key !== MAIN_STREAM_KEY) continue;
      if (this.retention) deliverBurst(record, burst, this.broadcasts);
      else deliver(record, text);
      this.forgetIfBroken(record);
    }
  }

  /** Ends the connection of a stream whose last event has been delivered. */
  private endIfEnded(record: StreamRecord): void {
    if (record.ended && record.connection && (record.delivered === record.lastOffset || !this.retention)) {
      endConnection(this.records.detach(record));
    }
  }

  /** After the connection may have been let go of: a stream without one keeps its log, or is nothing. */
  private forgetIfBroken(record: StreamRecord): void {
    if (record.connection) return;
    if (this.retention) this.records.connected.delete(record);
    else this.records.remove(record);
  }

  /** Drops what is too old, in case the timer is late: for broadcasts there is none. */
  private dropAged(stream: StreamRef): void {
    const now = Date.now();
    this.broadcasts.trim(now);
    const record = this.records.find(stream);
    if ((record?.log?.deadline ?? Infinity) <= now) this.age(record!);
  }

  private age(record: StreamRecord): void {
    record.log?.trim(Date.now());
    this.aging.watch(record);
    if (!record.log?.isEmpty || record.connection) return;
    // Nothing to come, or nobody to come for it.
    const isFinished = record.ended && record.ref.key !== MAIN_STREAM_KEY;
    if (isFinished || !record.joined) this.records.remove(record);
  }
}
