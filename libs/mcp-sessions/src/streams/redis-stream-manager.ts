import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { InvalidConfigurationError } from '../common/errors.js';
import { connectionTo, subscriberOn, type RedisConnectionOptions } from '../redis/redis-client.js';
import type { RedisClient } from '../redis/redis-client.interface.js';
import type { RedisConnection, RedisSubscriber } from '../redis/redis-connection.interface.js';
import { StreamKeys } from '../redis/stream-keys.js';
import { formatEventId, parseEventId } from './event-id.js';
import { AppendQueue, type Append, type Appended } from './redis/append-queue.js';
import { Broadcaster } from './redis/broadcaster.js';
import { parsePosition } from './redis/broadcast-mirror.js';
import { CatchUp } from './redis/catch-up.js';
import { idPrefixOf } from './redis/held-stream.js';
import { readInstanceMessage } from './redis/instance-messages.js';
import { InstancePresence } from './redis/instance-presence.js';
import { RedisClock } from './redis/redis-clock.js';
import { ReleaseQueue } from './redis/release-queue.js';
import { RequestRoutes } from './redis/request-routes.js';
import type { RedisStreamSettings } from './redis/settings.js';
import { SignalChannel } from './redis/signal-channel.js';
import { StreamDelivery } from './redis/stream-delivery.js';
import { StreamDirectory } from './redis/stream-directory.js';
import { StreamOpening } from './redis/stream-opening.js';
import { endConnection } from './replay.js';
import { retentionOf } from './retention.js';
import { bytesOf, splitEvents } from './sse-frame.js';
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
  type ReplayOptions,
  type ResumableStreamManager,
  type SessionSignals,
  type StreamController,
  type StreamRef,
} from './stream-manager.interface.js';

/** Options of {@link RedisStreamManager}. */
export interface RedisStreamManagerConfig {
  /** The client that commands go through. The manager neither configures nor closes it. */
  client: RedisClient;
  /** A second client, which only listens to channels. */
  pubSubClient: RedisClient;
  /** What the names of all keys and channels begin with. Default `mcp:stream:`. */
  prefix?: string;
  /** How often this instance tells the others that it lives, in seconds. Default 10. */
  heartbeatInterval?: number;
  /**
   * What is kept of each stream for resuming, `{ maxEvents: 256, maxAgeMs: 600_000 }` by default; `false` keeps
   * nothing: an event reaches the connection that is there, or nobody.
   */
  replay?: ReplayOptions | false;
  /** How long what is known of a session's streams outlives their last use, in seconds. Default 3,600. */
  ttl?: number;
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
}

/**
 * Holds streams for many instances: any of them may send to a session, and a stream that breaks on one goes on at
 * another. What is sent is kept in Redis (P2); pub/sub only makes it quick. Redis ≥ 6.2 or Valkey; standalone,
 * Sentinel or Cluster.
 */
export class RedisStreamManager implements ResumableStreamManager, SessionSignals {
  private readonly logger = new Logger('McpSessions');
  private readonly settings: RedisStreamSettings;
  private readonly redis: RedisConnection;
  private readonly subscriber: RedisSubscriber;
  private readonly keys: StreamKeys;
  private readonly directory: StreamDirectory;
  private readonly releases: ReleaseQueue;
  private readonly delivery: StreamDelivery;
  private readonly appends: AppendQueue;
  private readonly broadcaster: Broadcaster;
  private readonly catchUp: CatchUp;
  private readonly opening: StreamOpening;
  private readonly presence: InstancePresence;
  private readonly requests: RequestRoutes;
  private readonly signals: SignalChannel;
  private starting: Promise<void> | undefined;
  private isClosed = false;

  /**
   * @throws InvalidConfigurationError an option has a value that it cannot have, or a client cannot do what is needed
   */
  constructor(config: RedisStreamManagerConfig, connection: RedisConnectionOptions = {}) {
    this.settings = settingsOf(config);
    const options = { ...connection, commandTimeoutMs: config.commandTimeoutMs };
    this.redis = connectionTo(config.client, options);
    this.subscriber = subscriberOn(config.pubSubClient, config.client, options);
    const clock = new RedisClock();
    this.keys = new StreamKeys(config.prefix ?? 'mcp:stream:');
    this.directory = new StreamDirectory(this.redis, this.keys, this.settings);
    this.releases = new ReleaseQueue(this.directory);
    this.delivery = new StreamDelivery(this.settings.replay, this.releases, {
      onGap: (stream) => this.catchUp.soon(stream),
      onReleased: () => queueMicrotask(() => this.tellReleases()),
    });
    const { held, broadcasts } = this.delivery;
    this.broadcaster = new Broadcaster(this.redis, this.keys, this.settings, clock, broadcasts);
    this.opening = new StreamOpening(this.directory, this.delivery, this.broadcaster);
    this.catchUp = new CatchUp(this.directory, this.delivery, this.broadcaster, this.opening, (error) =>
      this.report('Events could not be read', error),
    );
    this.appends = new AppendQueue(this.redis, this.keys, this.settings, clock, (append, appended) =>
      this.deliverHere(append, appended),
    );
    this.requests = new RequestRoutes(this.redis, this.keys, this.settings);
    this.signals = new SignalChannel(this.redis, this.keys, this.settings);
    this.presence = new InstancePresence(this.redis, this.keys, this.settings, {
      onBeat: async () => {
        await this.releases.flush();
        await this.broadcaster.catchUp();
        await this.catchUp.checkSome(held);
      },
      onForgotten: () => this.inBackground(this.catchUp.checkAll(held), 'The streams could not be checked'),
      onQuiet: () => this.inBackground(this.subscriber.resubscribe(), 'Could not subscribe anew'),
      onFailed: (error) => this.report('Redis did not take the heartbeat', error),
    });
  }

  /** Times that a connection was told that events are lost. */
  get eventsLost(): number {
    return this.delivery.eventsLost;
  }

  /** Connections on this instance, request streams included. */
  get localSize(): number {
    return this.delivery.held.size;
  }

  /**
   * Connects this instance to the others; whatever is asked of the manager does that first.
   *
   * @throws StreamManagerUnavailableError Redis does not answer
   * @throws InvalidConfigurationError the server is too old, or the client cannot be used
   */
  async start(): Promise<void> {
    if (this.isClosed) throw new StreamManagerUnavailableError('The stream manager is closed');
    this.starting ??= this.connect().catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  async create(sessionId: string, controller: StreamController): Promise<void> {
    await this.open({ sessionId, key: MAIN_STREAM_KEY }, controller);
  }

  async open(ref: StreamRef, controller: StreamController, { after }: OpenStreamOptions = {}): Promise<void> {
    const position = after === undefined ? undefined : parseEventId(ref.sessionId, after);
    await this.asking(() => {
      // What was let go of before is told before: the newcomer goes on behind it.
      this.tellReleases();
      return this.opening.open(ref, ...this.addressOf(ref), controller, position);
    });
  }

  async append(ref: StreamRef, data: string, { last = false } = {}): Promise<EventId> {
    if (!this.starting) await this.start();
    const [session, field] = this.addressOf(ref);
    const { broadcasts } = this.delivery;
    const broadcast = broadcasts.position;
    const texts = splitEvents(data);
    const appended = await this.appends.add({ session, field, texts, isLast: last, broadcast });
    if (!this.settings.replay) return '';
    const { epoch, offset } = parsePosition(broadcast);
    return formatEventId(idPrefixOf(ref, appended.epoch, epoch), appended.last, offset);
  }

  async send(sessionIds: string[] | undefined, data: string): Promise<void> {
    if (!this.starting) await this.start();
    if (sessionIds === undefined) return this.broadcaster.send(splitEvents(data));
    await Promise.all(
      Array.from(new Set(sessionIds), (sessionId) => this.append({ sessionId, key: MAIN_STREAM_KEY }, data)),
    );
  }

  async position(ref: StreamRef): Promise<EventId> {
    if (!this.settings.replay) return '';
    return this.asking(async () => {
      const [session, field] = this.addressOf(ref);
      const held = this.delivery.held.find(session, field);
      if (held) return formatEventId(held.idPrefix, held.delivered, held.deliveredBroadcast);
      const broadcast = this.delivery.broadcasts.position;
      const [epoch, delivered, place] = await this.directory.position(session, field, broadcast);
      const { epoch: broadcastEpoch, offset } = parsePosition(place);
      return formatEventId(idPrefixOf(ref, epoch, broadcastEpoch), delivered, offset);
    });
  }

  streamOf(sessionId: string, eventId: EventId): StreamRef {
    return { sessionId, key: parseEventId(sessionId, eventId).key };
  }

  async release(ref: StreamRef, controller?: StreamController): Promise<void> {
    const [session, field] = this.addressOf(ref);
    const stream = this.delivery.held.find(session, field);
    if (stream && (!controller || stream.connection === controller)) {
      const { connection } = stream;
      this.delivery.letGo(stream);
      endConnection(connection);
      await this.asking(() => this.releases.flush());
    } else if (!controller) {
      await this.asking(() => this.directory.dismiss(session, field));
    }
  }

  async delete(sessionId: string): Promise<void> {
    const session = this.keys.encode(sessionId);
    for (const stream of this.delivery.held.ofSession(session)) {
      const { connection } = stream;
      this.delivery.forget(stream);
      endConnection(connection);
    }
    await this.asking(async () => {
      await this.appends.settled(session);
      this.releases.forgetSession(session);
      await this.directory.delete(session);
    });
  }

  async has(sessionId: string): Promise<boolean> {
    return this.asking(async () => {
      const [session, field] = this.addressOf({ sessionId, key: MAIN_STREAM_KEY });
      await this.releases.flush();
      const holder = await this.directory.holder(session, field);
      if (holder === this.settings.instanceId) return this.delivery.held.find(session, field) !== undefined;
      return holder !== undefined && this.presence.isAlive(holder);
    });
  }

  async registerOutboundRequest(requestId: string | number, sessionId: string): Promise<void> {
    await this.asking(() => this.requests.register(requestId, sessionId));
  }

  async forwardInboundResponse(
    message: { id: string | number; [key: string]: unknown },
    sessionId: string,
  ): Promise<boolean> {
    return this.asking(() => this.requests.forward(message, sessionId));
  }

  onForwardedResponse(handler: (message: unknown, sessionId: string) => void): void {
    this.requests.onAnswer(handler);
  }

  async signal(sessionId: string, value: unknown): Promise<void> {
    await this.asking(() => this.signals.send(sessionId, value));
  }

  onSignal(handler: (sessionId: string, value: unknown) => void): void {
    this.signals.onSignal(handler);
  }

  onSignalsMissed(handler: () => void): void {
    this.signals.onMissed(handler);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    const streams = [...this.delivery.held.all()];
    const connections = streams.map(({ connection }) => connection);
    for (const stream of streams) this.delivery.letGo(stream);
    for (const connection of connections) endConnection(connection);
    this.catchUp.stop();
    this.requests.close();
    await this.starting?.catch(() => undefined);
    const farewell = this.starting ? [this.releases.flush(), this.presence.stop()] : [];
    try {
      await Promise.all(farewell);
    } catch (error) {
      this.report('Redis could not be told that this instance closes', error);
    } finally {
      await Promise.all([this.subscriber.close(), this.redis.close()]);
    }
  }

  private async connect(): Promise<void> {
    const { broadcastChannel } = this.keys;
    try {
      this.subscriber.onResubscribed(() => this.inBackground(this.readMissed(), 'Could not catch up'));
      const channels = [this.keys.channel(this.settings.instanceId), broadcastChannel];
      await this.subscriber.subscribe(channels, (_channel, message) => this.receive(message));
      await this.broadcaster.catchUp();
      await this.presence.start();
    } catch (cause) {
      if (cause instanceof InvalidConfigurationError) throw cause;
      throw new StreamManagerUnavailableError(undefined, { cause });
    }
  }

  /** After the subscription was interrupted: messages may have been missed. */
  private async readMissed(): Promise<void> {
    this.signals.missed();
    await this.releases.flush();
    await Promise.all([
      this.broadcaster.catchUp(),
      this.catchUp.checkAll(this.delivery.held),
      this.requests.catchUp(),
    ]);
  }

  private receive(message: Buffer): void {
    const { delivery } = this;
    readInstanceMessage(message, {
      onEvent: (event) => delivery.offer(event.session, event.field, event, event.isLast),
      onEnded: (session, field, epoch, offset) => delivery.end(session, field, epoch, offset),
      onTaken: (session, field, generation) => delivery.lose(session, field, generation, true),
      onDismissed: (session, field, generation) => delivery.lose(session, field, generation, false),
      onDeleted: (session) => this.deleteHere(session),
      onAnswer: (session, request, answer) =>
        this.inBackground(this.requests.receive(session, request, answer), 'An answer could not be settled'),
      onSignal: (session, instanceId, json) => this.signals.receive(session, instanceId, json),
      onProbe: (probe) => this.presence.seeProbe(probe),
      onBroadcasts: (epoch, first, at, texts) => delivery.receiveBroadcasts(epoch, first, at, texts),
    });
  }

  /** What this instance appended to a stream of its own need not come back as a message. */
  private deliverHere(append: Append, { epoch, last, at, isHeldHere }: Appended): void {
    if (!isHeldHere) return;
    const { session, field, texts, isLast, broadcast } = append;
    if (texts.length === 0 && isLast) return this.delivery.end(session, field, epoch, last);
    for (const [index, text] of texts.entries()) {
      const offset = last - texts.length + 1 + index;
      const event = { epoch, offset, at, broadcast, data: bytesOf(text) };
      this.delivery.offer(session, field, event, isLast && index === texts.length - 1);
    }
  }

  private deleteHere(session: string): void {
    for (const stream of this.delivery.held.ofSession(session)) {
      const { connection } = stream;
      this.delivery.forget(stream);
      endConnection(connection);
    }
  }

  private addressOf({ sessionId, key }: StreamRef): [session: string, field: string] {
    return [this.keys.encode(sessionId), this.keys.encode(key)];
  }

  /** Asks Redis something, once this instance is connected. */
  private async asking<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.start();
    try {
      return await work();
    } catch (cause) {
      if (isAnswer(cause)) throw cause;
      throw new StreamManagerUnavailableError(undefined, { cause });
    }
  }

  private tellReleases(): void {
    this.inBackground(this.releases.flush(), 'Redis could not be told which streams were let go of');
  }

  private inBackground(work: Promise<void>, failure: string): void {
    work.catch((error: unknown) => this.report(failure, error));
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

function settingsOf({
  heartbeatInterval = 10,
  ttl = 3_600,
  replay = {},
}: RedisStreamManagerConfig): RedisStreamSettings {
  for (const [name, value] of Object.entries({ heartbeatInterval, ttl })) {
    if (!(value > 0))
      throw new InvalidConfigurationError(`${name} must be a number of seconds above 0; it is ${value}.`);
  }
  const retention = replay === false ? undefined : retentionOf(replay);
  const maxAgeMs = retention?.maxAgeMs ?? 60_000;
  return {
    instanceId: randomBytes(9).toString('base64url'),
    heartbeatMs: heartbeatInterval * 1_000,
    ttlMs: Math.ceil(Math.max(ttl * 1_000, maxAgeMs)),
    replay: retention,
    maxAgeMs,
  };
}
