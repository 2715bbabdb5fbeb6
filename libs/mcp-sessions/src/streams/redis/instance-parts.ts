import { connectionTo, subscriberOn, type RedisConnectionOptions } from '../../redis/redis-client.js';
import type { RedisConnection, RedisSubscriber } from '../../redis/redis-connection.interface.js';
import { refuseUnconnected } from '../../redis/refuse-unconnected.js';
import { StreamKeys } from '../../redis/stream-keys.js';
import { AppendQueue } from './append-queue.js';
import { Broadcaster } from './broadcaster.js';
import { CatchUp } from './catch-up.js';
import { InstanceLink } from './instance-link.js';
import { RedisClock } from './redis-clock.js';
import { ReleaseQueue } from './release-queue.js';
import { RequestRoutes } from './request-routes.js';
import { settingsOf } from './settings.js';
import type { RedisStreamManagerConfig, RedisStreamSettings, ReportFailure } from './settings.js';
import { SignalChannel } from './signal-channel.js';
import { SignalLog } from './signal-log.js';
import { StreamDelivery } from './stream-delivery.js';
import { StreamDirectory } from './stream-directory.js';
import { StreamOpening } from './stream-opening.js';
import { StreamRemoval } from './stream-removal.js';

/** What a `RedisStreamManager` is made of, put together. */
export class InstanceParts {
  readonly settings: RedisStreamSettings;
  readonly redis: RedisConnection;
  readonly subscriber: RedisSubscriber;
  readonly keys: StreamKeys;
  readonly directory: StreamDirectory;
  readonly releases: ReleaseQueue;
  readonly delivery: StreamDelivery;
  readonly appends: AppendQueue;
  readonly removal: StreamRemoval;
  readonly broadcaster: Broadcaster;
  readonly opening: StreamOpening;
  readonly catchUp: CatchUp;
  readonly requests: RequestRoutes;
  readonly signals: SignalChannel;
  readonly link: InstanceLink;

  /** @throws InvalidConfigurationError as `RedisStreamManager` */
  constructor(
    private readonly config: RedisStreamManagerConfig,
    connection: RedisConnectionOptions,
    report: ReportFailure,
  ) {
    const options = { ...connection, commandTimeoutMs: config.commandTimeoutMs };
    const redis = connectionTo(config.client, options);
    const settings = settingsOf(config, redis.isCluster);
    const keys = new StreamKeys(config.prefix ?? 'mcp:stream:', redis.isCluster);
    const clock = new RedisClock();
    this.settings = settings;
    this.redis = redis;
    this.keys = keys;
    this.subscriber = subscriberOn(config.pubSubClient, config.client, options);
    this.directory = new StreamDirectory(redis, keys, settings, clock);
    this.releases = new ReleaseQueue(this.directory, report);
    this.delivery = new StreamDelivery(settings.replay, this.releases, {
      soon: (stream) => this.catchUp.soon(stream),
      astray: (session, field) => this.catchUp.astray(session, field),
    });
    this.broadcaster = new Broadcaster(redis, keys, settings, clock, this.delivery.broadcasts);
    const others = { isAlive: (instanceId: string) => this.link.isAlive(instanceId) };
    const { instanceId } = settings;
    this.opening = new StreamOpening(
      this.directory,
      this.delivery,
      this.broadcaster,
      clock,
      others,
      instanceId,
    );
    this.catchUp = new CatchUp(
      this.directory,
      this.delivery,
      this.broadcaster,
      this.opening,
      others,
      settings.checkRound,
      report,
    );
    this.appends = new AppendQueue(redis, keys, settings, clock, this.delivery);
    this.removal = new StreamRemoval(this.directory, this.delivery, this.appends);
    this.requests = new RequestRoutes(redis, keys, settings);
    this.signals = new SignalChannel(new SignalLog(redis, keys, settings, clock), instanceId, report);
    this.link = new InstanceLink(redis, this.subscriber, keys, settings, this, report);
  }

  /** @throws InvalidConfigurationError one of the clients is not connected, and does not connect by itself */
  checkClients(): void {
    const { client, pubSubClient } = this.config;
    refuseUnconnected('client', client);
    refuseUnconnected('pubSubClient', pubSubClient);
  }
}
