import { setImmediate as nextTurn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { RedisConnectionOptions } from '../redis/redis-client.js';
import { formatEventId, parseEventId } from './event-id.js';
import type { Appended } from './redis/append-queue.js';
import { parsePosition } from './redis/broadcast-mirror.js';
import { idPrefixOf } from './redis/held-stream.js';
import { InstanceParts } from './redis/instance-parts.js';
import type { RedisStreamManagerConfig } from './redis/settings.js';
import { isAmongLatest } from './redis/latest-events.js';
import { splitEvents } from './sse-frame.js';
import {
  InvalidEventIdError,
  StreamContendedError,
  StreamLostError,
  StreamManagerUnavailableError,
} from './stream-manager.errors.js';
import {
  MAIN_STREAM_KEY,
  type EventId,
  type OpenStreamOptions,
  type ResumableStreamManager,
  type SessionSignals,
  type StreamController,
  type StreamRef,
} from './stream-manager.interface.js';

export type { RedisStreamManagerConfig } from './redis/settings.js';

/** Connections that `close` ends in one turn of the event loop. */
const FINISHED_PER_TURN = 400;

/**
 * Holds streams for many instances: any of them may send to a session, and a stream that breaks on one goes on at
 * another. What is sent is kept in Redis (P2); pub/sub only makes it quick. Redis ≥ 6.2 or Valkey; standalone,
 * Sentinel or Cluster.
 *
 * What Redis itself loses, it cannot promise. When Redis goes back in time, as after a failover to a replica that lagged
 * behind, the connections that are there are told of the loss, and so is a client that resumes behind an event which
 * Redis no longer has. One that was away all the time, and whose place in the log has been taken by other events, is not.
 * In a Cluster nobody learns that an instance is dead before its heartbeat fails to come: what was sent to its streams
 * until then is replayed to clients that resume with an id, and not to those that come without one. A broadcast may
 * overtake an event of the session's own whose message was lost, and in a Cluster, where the two take different ways, any
 * that was sent shortly before; each of the two kinds is in order.
 */
export class RedisStreamManager implements ResumableStreamManager, SessionSignals {
  private readonly logger = new Logger('McpSessions');
  private readonly parts: InstanceParts;
  private isStarted = false;
  private isClosed = false;

  /**
   * @throws InvalidConfigurationError an option has a value that it cannot have, or a client cannot do what is needed
   */
  constructor(config: RedisStreamManagerConfig, connection: RedisConnectionOptions = {}) {
    this.parts = new InstanceParts(config, connection, (failure, error) => this.report(failure, error));
  }

  /** Times that a connection was told that events are lost. */
  get eventsLost(): number {
    return this.parts.delivery.eventsLost;
  }

  /** Connections on this instance, request streams included. */
  get localSize(): number {
    return this.parts.delivery.held.size;
  }

  /**
   * Connects this instance to the others; whatever is asked of the manager does that first.
   *
   * @throws StreamManagerUnavailableError Redis does not answer
   * @throws InvalidConfigurationError the server is too old, a client is not connected or cannot be used, or `pubSubClient`
   * does not hear what `client` publishes
   */
  async start(): Promise<void> {
    if (this.isReady) return;
    if (this.isClosed) throw new StreamManagerUnavailableError('The stream manager is closed');
    await this.parts.link.start();
    this.isStarted = true;
  }

  async create(sessionId: string, controller: StreamController): Promise<void> {
    await this.open({ sessionId, key: MAIN_STREAM_KEY }, controller);
  }

  async open(
    ref: StreamRef,
    controller: StreamController,
    { after, onPosition }: OpenStreamOptions = {},
  ): Promise<void> {
    const position = after === undefined ? undefined : parseEventId(ref.sessionId, after);
    await this.asking(() => {
      // What was let go of before is told before: the newcomer goes on behind it.
      this.parts.releases.tell();
      const [session, field] = this.addressOf(ref);
      return this.parts.opening.open({ ref, session, field, controller, position, onPosition });
    });
  }

  async append(ref: StreamRef, data: string, { last = false } = {}): Promise<EventId> {
    if (!this.isReady) await this.start();
    const broadcast = this.parts.delivery.broadcasts.position;
    const appended = await this.add(ref, broadcast, splitEvents(data), last);
    if (!this.parts.settings.replay) return '';
    const { epoch, offset } = parsePosition(broadcast);
    return formatEventId(idPrefixOf(ref, appended.epoch, epoch), appended.last, offset);
  }

  async send(sessionIds: string[] | undefined, data: string): Promise<void> {
    if (!this.isReady) await this.start();
    const texts = splitEvents(data);
    if (sessionIds === undefined) return this.parts.broadcaster.send(texts);
    const broadcast = this.parts.delivery.broadcasts.position;
    const appends = Array.from(new Set(sessionIds), (sessionId) =>
      this.add({ sessionId, key: MAIN_STREAM_KEY }, broadcast, texts),
    );
    await (appends.length === 1 ? appends[0] : Promise.all(appends));
  }

  async hasEvent(ref: StreamRef, data: string): Promise<boolean> {
    return this.asking(() => {
      const { redis, keys } = this.parts;
      return isAmongLatest(redis, keys, ...this.addressOf(ref), data);
    });
  }

  async hasEnded(ref: StreamRef): Promise<boolean> {
    return this.asking(() => this.parts.directory.hasEnded(...this.addressOf(ref)));
  }

  async position(ref: StreamRef): Promise<EventId> {
    if (!this.parts.settings.replay) return '';
    return this.asking(async () => {
      const [session, field] = this.addressOf(ref);
      const held = this.parts.delivery.held.find(session, field);
      if (held) return formatEventId(held.idPrefix, held.delivered, held.deliveredBroadcast);
      const broadcast = this.parts.delivery.broadcasts.position;
      const [epoch, delivered, place] = await this.parts.directory.position(session, field, broadcast);
      const { epoch: broadcastEpoch, offset } = parsePosition(place);
      return formatEventId(idPrefixOf(ref, epoch, broadcastEpoch), delivered, offset);
    });
  }

  streamOf(sessionId: string, eventId: EventId): StreamRef {
    return { sessionId, key: parseEventId(sessionId, eventId).key };
  }

  async release(ref: StreamRef, controller?: StreamController): Promise<void> {
    const [session, field] = this.addressOf(ref);
    const stream = this.parts.delivery.held.find(session, field);
    if (stream && (!controller || stream.connection === controller)) {
      this.parts.delivery.finish(stream);
      await this.asking(() => this.parts.releases.flush());
    } else if (!controller) {
      const { position } = this.parts.delivery.broadcasts;
      await this.asking(() => this.parts.directory.dismiss(session, field, position));
    }
  }

  async delete(sessionId: string): Promise<void> {
    await this.removeStreams(sessionId, false);
  }

  async deleteAnswered(sessionId: string): Promise<boolean> {
    return (await this.removeStreams(sessionId, true)) > 0;
  }

  async has(sessionId: string): Promise<boolean> {
    return this.asking(async () => {
      const [session, field] = this.addressOf({ sessionId, key: MAIN_STREAM_KEY });
      await this.parts.releases.flush();
      const holder = await this.parts.directory.holder(session, field);
      if (holder === this.parts.settings.instanceId)
        return this.parts.delivery.held.find(session, field) !== undefined;
      return holder !== undefined && this.parts.link.isAlive(holder);
    });
  }

  async registerOutboundRequest(requestId: string | number, sessionId: string): Promise<void> {
    await this.asking(() => this.parts.requests.register(requestId, sessionId));
  }

  async forwardInboundResponse(
    message: { id: string | number; [key: string]: unknown },
    sessionId: string,
  ): Promise<boolean> {
    return this.asking(() => this.parts.requests.forward(message, sessionId));
  }

  onForwardedResponse(handler: (message: unknown, sessionId: string) => void): void {
    this.parts.requests.onAnswer(handler);
  }

  async signal(sessionId: string, value: unknown): Promise<void> {
    await this.asking(() => this.parts.signals.send(sessionId, value));
  }

  onSignal(handler: (sessionId: string, value: unknown) => void): void {
    this.parts.signals.onSignal(handler);
  }

  onSignalsMissed(handler: () => void): void {
    this.parts.signals.onMissed(handler);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    const finishing = this.finishAll();
    this.parts.catchUp.stop();
    this.parts.requests.close();
    try {
      await Promise.all([finishing, this.parts.opening.close()]);
      await this.parts.link.leave();
    } catch (error) {
      this.report('Redis could not be told that this instance closes', error);
    } finally {
      await Promise.all([this.parts.subscriber.close(), this.parts.redis.close()]);
    }
  }

  private removeStreams(sessionId: string, leavesUnanswered: boolean): Promise<number> {
    return this.asking(() => this.parts.removal.remove(this.parts.keys.encode(sessionId), leavesUnanswered));
  }

  /** Ends all connections, and has Redis told of them meanwhile. */
  private async finishAll(): Promise<void> {
    let count = 0;
    for (const stream of [...this.parts.delivery.held.all()]) {
      this.parts.delivery.finish(stream);
      count += 1;
      if (count % FINISHED_PER_TURN === 0) await nextTurn();
    }
  }

  /** To be asked before waiting for `start`: whoever waits is overtaken by those who do not. */
  private get isReady(): boolean {
    return this.isStarted && !this.isClosed;
  }

  private add(ref: StreamRef, broadcast: string, texts: string[], isLast = false): Promise<Appended> {
    const [session, field] = this.addressOf(ref);
    return this.parts.appends.add({ session, field, texts, isLast, broadcast });
  }

  private addressOf({ sessionId, key }: StreamRef): [session: string, field: string] {
    return [this.parts.keys.encode(sessionId), this.parts.keys.encode(key)];
  }

  /** Asks Redis something, once this instance is connected. */
  private async asking<Result>(work: () => Promise<Result>): Promise<Result> {
    if (!this.isReady) await this.start();
    try {
      return await work();
    } catch (cause) {
      if (isAnswer(cause)) throw cause;
      throw new StreamManagerUnavailableError(undefined, { cause });
    }
  }

  private report(failure: string, error: unknown): void {
    this.logger.error(failure, error);
  }
}

/** Whether the error says something about what was asked, and not about Redis. */
function isAnswer(error: unknown): boolean {
  return [InvalidEventIdError, StreamLostError, StreamContendedError, StreamManagerUnavailableError].some(
    (Answer) => error instanceof Answer,
  );
}
