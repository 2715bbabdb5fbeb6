import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { clientError } from './client-error.js';
import type { CommandDeadlines } from './command-deadlines.js';
import type { MessageListener, RedisChannels } from './redis-channels.interface.js';
import type { RedisSubscriber } from './redis-connection.interface.js';
import { RedisCommandTimeoutError } from './redis.errors.js';

const RETRY_AFTER_MS = 500;

/** Listens to channels through a client of any kind, and sees to it that every new connection listens to them. */
export class ClientSubscriber implements RedisSubscriber {
  private readonly logger = new Logger('RedisSubscriber');
  private readonly listeners = new Map<string, MessageListener>();
  /** Channels that the server has confirmed once, which a new connection has to have too. */
  private readonly confirmed = new Set<string>();
  private readonly onResubscribedListeners = new Set<() => void>();
  /** Counts the new connections: what was begun on a former one is given up. */
  private connections = 0;
  /** Whether nothing has come through since the last time the channels were subscribed on demand. */
  private quiet = false;
  private closed = false;

  constructor(
    private readonly channels: RedisChannels,
    private readonly deadlines: CommandDeadlines,
    private readonly owned: boolean,
  ) {
    channels.start(
      (channel, message) => this.deliver(channel, message),
      () => void this.renew(),
    );
  }

  async subscribe(channels: string[], listener: MessageListener): Promise<void> {
    for (const channel of channels) this.listeners.set(channel, listener);
    try {
      await this.inTime(channels, () => this.channels.subscribe(channels));
    } catch (error) {
      for (const channel of channels) this.listeners.delete(channel);
      throw error;
    }
    for (const channel of channels) this.confirmed.add(channel);
  }

  onResubscribed(listener: () => void): void {
    this.onResubscribedListeners.add(listener);
  }

  async resubscribe(): Promise<void> {
    // Asking the same connection a second time in vain would not help: something other than the subscription is lost.
    if (!this.quiet && (await this.resubscribeHere())) return;
    await this.resubscribeElsewhere();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.connections += 1;
    const channels = [...this.confirmed];
    if (!this.owned && channels.length > 0) {
      // Where this fails there is no connection, and nothing subscribed.
      await this.inTime(channels, () => this.channels.unsubscribe(channels)).catch(() => undefined);
    }
    this.channels.close(this.owned);
    this.listeners.clear();
  }

  private deliver(channel: string, message: Buffer): void {
    this.quiet = false;
    this.listeners.get(channel)?.(channel, message);
  }

  /** Subscribes on the connection there is; whether the server has confirmed it. */
  private async resubscribeHere(): Promise<boolean> {
    const channels = [...this.confirmed];
    try {
      await this.inTime(channels, async () => {
        await this.channels.unsubscribe(channels);
        await this.channels.subscribe(channels);
      });
    } catch (error) {
      this.logger.warn(
        `The channels could not be subscribed anew, so the connection is: ${messageOf(error)}`,
      );
      return false;
    }
    this.quiet = true;
    this.announce();
    return true;
  }

  private async resubscribeElsewhere(): Promise<void> {
    this.quiet = false;
    let renewed!: () => void;
    const renewal = new Promise<void>((resolve) => (renewed = resolve));
    this.onResubscribedListeners.add(renewed);
    try {
      this.channels.reconnect();
      await this.inTime([], () => renewal);
    } finally {
      this.onResubscribedListeners.delete(renewed);
    }
  }

  /** Subscribes on a new connection, until the server has confirmed it or there is a newer connection. */
  private async renew(): Promise<void> {
    this.connections += 1;
    const connection = this.connections;
    while (connection === this.connections && this.confirmed.size > 0) {
      try {
        const channels = [...this.confirmed];
        await this.inTime(channels, () => this.channels.subscribe(channels));
        if (connection === this.connections) this.announce();
        return;
      } catch (error) {
        if (connection !== this.connections) return;
        this.logger.warn(`The channels could not be subscribed on a new connection: ${messageOf(error)}`);
        if (error instanceof RedisCommandTimeoutError) this.channels.reconnect();
        await delay(RETRY_AFTER_MS, undefined, { ref: false });
      }
    }
  }

  private inTime(channels: string[], work: () => Promise<unknown>): Promise<unknown> {
    return this.deadlines.enforce(work, (error) => clientError(error, 'subscribe', channels));
  }

  private announce(): void {
    if (this.closed) return;
    for (const listener of [...this.onResubscribedListeners]) listener();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
