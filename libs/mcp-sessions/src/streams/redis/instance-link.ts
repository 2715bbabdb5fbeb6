import { InvalidConfigurationError } from '../../common/errors.js';
import type { RedisConnection, RedisSubscriber } from '../../redis/redis-connection.interface.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { StreamManagerUnavailableError } from '../stream-manager.errors.js';
import type { CatchUp } from './catch-up.js';
import { readInstanceMessage } from './instance-messages.js';
import { InstancePresence } from './instance-presence.js';
import type { ReleaseQueue } from './release-queue.js';
import type { RequestRoutes } from './request-routes.js';
import type { RedisStreamSettings, ReportFailure } from './settings.js';
import type { SignalChannel } from './signal-channel.js';
import type { StreamDelivery } from './stream-delivery.js';

const QUIET = 'what this instance published for itself did not come back';

/** Those of an instance's parts that have to do with the others. */
export interface LinkedParts {
  delivery: StreamDelivery;
  releases: ReleaseQueue;
  catchUp: CatchUp;
  requests: RequestRoutes;
  signals: SignalChannel;
  /** @throws InvalidConfigurationError a client cannot be used as it is */
  checkClients(): void;
}

/** Connects an instance to the others: hears what they say, tells them that it lives, and finds out what it missed. */
export class InstanceLink {
  private readonly presence: InstancePresence;
  private starting: Promise<void> | undefined;
  private checking: Promise<void> | undefined;
  private resubscribing: Promise<void> | undefined;

  constructor(
    redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    private readonly parts: LinkedParts,
    private readonly report: ReportFailure,
  ) {
    this.presence = new InstancePresence(redis, keys, settings, parts.signals, {
      onBeat: () => this.checkSome(),
      onForgotten: () => {
        parts.signals.missed();
        this.readMissed();
      },
      onQuiet: (isNew) => {
        if (isNew) this.report('The subscription has gone quiet, and is made anew', QUIET);
        this.resubscribe();
      },
      onFailed: (error) => this.report('Redis did not take the heartbeat', error),
    });
    subscriber.onResubscribed(() => this.readMissed());
  }

  /** @throws StreamManagerUnavailableError, InvalidConfigurationError as `RedisStreamManager.start` */
  start(): Promise<void> {
    this.starting ??= this.connect().catch((error: unknown) => {
      this.starting = undefined; // whoever asks next tries again
      throw error;
    });
    return this.starting;
  }

  /** Whether that instance lives, this one included. */
  isAlive(instanceId: string): Promise<boolean> {
    return this.presence.isAlive(instanceId);
  }

  /** Tells the others that this instance is no more, if they know of it. */
  async leave(): Promise<void> {
    this.parts.signals.stop();
    await this.starting?.catch(() => undefined);
    if (!this.starting) return;
    await Promise.all([this.parts.releases.flush(), this.presence.stop()]);
  }

  private async connect(): Promise<void> {
    try {
      this.parts.checkClients();
      const channels = [this.keys.channel(this.settings.instanceId), this.keys.broadcastChannel];
      await this.subscriber.subscribe(channels, (_channel, message) => this.receive(message));
      await this.parts.catchUp.checkAll();
      await this.presence.start();
    } catch (cause) {
      if (cause instanceof InvalidConfigurationError) throw cause;
      throw new StreamManagerUnavailableError(undefined, { cause });
    }
  }

  private receive(message: Buffer): void {
    try {
      this.dispatch(message);
    } catch (error) {
      this.report('A message could not be read', error);
    }
  }

  private dispatch(message: Buffer): void {
    const { delivery, requests, signals } = this.parts;
    readInstanceMessage(message, {
      onEvent: (event) => delivery.offer(event.session, event.field, event, event.isLast),
      onEnded: (session, field, epoch, offset) => delivery.end(session, field, epoch, offset),
      onTaken: (session, field, generation) => delivery.lose(session, field, generation, true),
      onDismissed: (session, field, generation) => delivery.lose(session, field, generation, false),
      onDeleted: (session, field, epoch) => delivery.deleted(session, field, epoch),
      onAnswer: (session, request, answer) =>
        this.inBackground(requests.receive(session, request, answer), 'An answer could not be settled'),
      onSignals: (batch) => signals.receive(batch),
      onProbe: (probe) => this.presence.seeProbe(probe),
      onBroadcasts: (epoch, first, times, texts) => delivery.receiveBroadcasts(epoch, first, times, texts),
    });
  }

  /** With each heartbeat, in case messages were lost without a sign. */
  private checkSome(): void {
    const { releases, catchUp, requests } = this.parts;
    const check = async (): Promise<void> => {
      await releases.flush();
      await Promise.all([catchUp.checkSome(), requests.catchUp()]);
    };
    this.checking ??= check().finally(() => (this.checking = undefined));
    this.inBackground(this.checking, 'The streams could not be checked');
  }

  /** Messages may have been missed. */
  private readMissed(): void {
    const { releases, catchUp, requests, signals } = this.parts;
    this.inBackground(signals.catchUp(), 'Signals could not be read');
    const read = async (): Promise<void> => {
      await releases.flush();
      await Promise.all([catchUp.checkAll(), requests.catchUp()]);
    };
    this.inBackground(read(), 'Could not catch up');
  }

  private resubscribe(): void {
    if (this.resubscribing) return;
    this.resubscribing = this.subscriber.resubscribe().finally(() => (this.resubscribing = undefined));
    this.inBackground(this.resubscribing, 'Could not subscribe anew');
  }

  private inBackground(work: Promise<void>, failure: string): void {
    work.catch((error: unknown) => this.report(failure, error));
  }
}
