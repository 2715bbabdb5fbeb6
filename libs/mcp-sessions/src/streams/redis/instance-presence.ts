import { setTimeout as delay } from 'node:timers/promises';
import { InvalidConfigurationError } from '../../common/errors.js';
import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { probeMessage } from './instance-messages.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisStreamSettings } from './settings.js';
import type { SignalChannel } from './signal-channel.js';

/** The first probe is sent again, in case the subscription has just been renewed. */
const FIRST_PROBE_AGAIN_MS = 500;

const DEAF =
  '`pubSubClient` does not hear what `client` publishes. Both have to be clients of the same Redis';

/** What a heartbeat finds out. */
export interface PresenceListener {
  /** Called with each heartbeat that Redis has answered. */
  onBeat(): void;
  /** Redis no longer knew this instance, although it has been told in time: other things may be lost, too. */
  onForgotten(): void;
  /**
   * What this instance sent itself has not come back: its subscription has gone quiet.
   *
   * @param isNew `false` with the heartbeats that still find it quiet
   */
  onQuiet(isNew: boolean): void;
  /** Called with the first heartbeat that fails, and not with those that fail after it. */
  onFailed(error: unknown): void;
}

/**
 * Tells the others that this instance lives, and finds out whether messages still come through. Instances do this, not
 * streams: it costs the same with one stream and with ten thousand.
 */
export class InstancePresence {
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  private hasFailed = false;
  private wasQuiet = false;
  private probe = 0;
  private lastProbeSeen = 0;
  /** Called when a probe has come back. */
  private onProbe: (() => void) | undefined;
  private lastBeat: number | undefined;
  /** Until then an instance without a sign of life is not taken for dead. */
  private sparesUntil = 0;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    /** Sends the probe, and reads with it the signals that have been missed. */
    private readonly signals: Pick<SignalChannel, 'catchUp'>,
    private readonly listener: PresenceListener,
  ) {}

  /**
   * Tells the others for the first time, and from then on regularly.
   *
   * @throws InvalidConfigurationError what this instance sends itself does not come back within the command timeout
   */
  async start(): Promise<void> {
    await this.giveSign();
    await this.untilHeard();
    this.timer = setInterval(() => {
      // While Redis is away, a heartbeat may take longer than the time to the next one.
      this.beating ??= this.beatAndReport().finally(() => (this.beating = undefined));
    }, this.settings.heartbeatMs).unref();
  }

  seeProbe(probe: number): void {
    this.lastProbeSeen = Math.max(this.lastProbeSeen, probe);
    this.onProbe?.();
  }

  /**
   * Whether that instance lives. When Redis was away, the signs of life of all have ended, and say nothing until everybody
   * has had the time to give one again.
   */
  async isAlive(instanceId: string): Promise<boolean> {
    const key = this.keys.instance(instanceId);
    if ((await this.redis.command(key, 'EXISTS', key)) === 1) return true;
    return !this.isInTime(performance.now()) || performance.now() < this.sparesUntil;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    const key = this.keys.instance(this.settings.instanceId);
    await this.redis.command(key, 'DEL', key);
  }

  private async beatAndReport(): Promise<void> {
    try {
      const isQuiet = this.lastProbeSeen < this.probe;
      await this.giveSign();
      this.listener.onBeat();
      await this.sendProbe();
      this.hasFailed = false;
      if (isQuiet) this.listener.onQuiet(!this.wasQuiet);
      this.wasQuiet = isQuiet;
    } catch (error) {
      if (!this.hasFailed) this.listener.onFailed(error);
      this.hasFailed = true;
    }
  }

  private async giveSign(): Promise<void> {
    const { instanceId, heartbeatMs } = this.settings;
    const key = this.keys.instance(instanceId);
    // Gone within two heartbeats of its last one.
    const lifetime = Math.floor(heartbeatMs * 1.9);
    const before = await repeatedCall(this.redis, () =>
      this.redis.command(key, 'SET', key, '1', 'PX', lifetime, 'GET'),
    );
    const now = performance.now();
    const isFirst = this.lastBeat === undefined;
    const wasInTime = this.isInTime(now);
    this.lastBeat = now;
    if (!isFirst && !wasInTime) this.sparesUntil = now + 2 * heartbeatMs;
    if (!isFirst && wasInTime && before === null) this.listener.onForgotten();
  }

  /** Sends probes until one has come back. */
  private async untilHeard(): Promise<void> {
    const giveUpAt = performance.now() + this.redis.commandTimeoutMs;
    const before = this.lastProbeSeen;
    for (;;) {
      const heard = new Promise<void>((resolve) => (this.onProbe = resolve));
      await this.sendProbe();
      const leftMs = Math.max(giveUpAt - performance.now(), 0);
      await Promise.race([heard, delay(Math.min(FIRST_PROBE_AGAIN_MS, leftMs), undefined, { ref: false })]);
      if (this.lastProbeSeen > before) return;
      if (leftMs <= FIRST_PROBE_AGAIN_MS) throw new InvalidConfigurationError(DEAF);
    }
  }

  private async sendProbe(): Promise<void> {
    const probe = this.probe + 1;
    const channel = this.keys.channel(this.settings.instanceId);
    await this.signals.catchUp({ channel, message: probeMessage(probe) });
    // Only what has been sent can be missed.
    this.probe = probe;
  }

  /** Whether Redis has had this instance's own sign of life when it was due. */
  private isInTime(now: number): boolean {
    return this.lastBeat !== undefined && now - this.lastBeat < this.settings.heartbeatMs * 1.5;
  }
}
