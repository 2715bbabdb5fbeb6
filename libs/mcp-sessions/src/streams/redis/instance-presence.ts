import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { probeMessage } from './instance-messages.js';
import type { RedisStreamSettings } from './settings.js';

/** What a heartbeat finds out. */
export interface PresenceListener {
  /** Called with each heartbeat that Redis has answered. */
  onBeat(): Promise<void>;
  /** Redis no longer knew this instance, although it has been told in time: other things may be lost, too. */
  onForgotten(): void;
  /** What this instance sent itself has not come back: its subscription has gone quiet. */
  onQuiet(): void;
  onFailed(error: unknown): void;
}

/**
 * Tells the others that this instance lives, and finds out whether messages still come through. Instances do this, not
 * streams: it costs the same with one stream and with ten thousand.
 */
export class InstancePresence {
  private timer: NodeJS.Timeout | undefined;
  private probe = 0;
  private lastProbeSeen = 0;
  private lastBeat: number | undefined;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    private readonly listener: PresenceListener,
  ) {}

  /** Tells the others for the first time, and from then on regularly. */
  async start(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beatAndReport(), this.settings.heartbeatMs).unref();
  }

  seeProbe(probe: number): void {
    this.lastProbeSeen = Math.max(this.lastProbeSeen, probe);
  }

  async isAlive(instanceId: string): Promise<boolean> {
    const key = this.keys.instance(instanceId);
    return (await this.redis.command(key, 'EXISTS', key)) === 1;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    const key = this.keys.instance(this.settings.instanceId);
    await this.redis.command(key, 'DEL', key);
  }

  private async beatAndReport(): Promise<void> {
    if (this.lastProbeSeen < this.probe) this.listener.onQuiet();
    try {
      await this.beat();
      await this.listener.onBeat();
    } catch (error) {
      this.listener.onFailed(error);
    }
  }

  private async beat(): Promise<void> {
    const { instanceId, heartbeatMs } = this.settings;
    const key = this.keys.instance(instanceId);
    // Gone within two heartbeats of its last one.
    const lifetime = Math.floor(heartbeatMs * 1.9);
    const before = await this.redis.command(key, 'SET', key, '1', 'PX', lifetime, 'GET');
    const now = performance.now();
    const wasInTime = this.lastBeat !== undefined && now - this.lastBeat < heartbeatMs * 1.5;
    this.lastBeat = now;
    if (before === null && wasInTime) this.listener.onForgotten();
    this.probe += 1;
    const channel = this.keys.channel(instanceId);
    await this.redis.command(undefined, 'PUBLISH', channel, probeMessage(this.probe));
  }
}
