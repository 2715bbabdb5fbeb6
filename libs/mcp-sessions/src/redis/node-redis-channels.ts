import { setTimeout as delay } from 'node:timers/promises';
import type { MessageListener, RedisChannels } from './redis-channels.interface.js';
import type { NodeRedisClient } from './redis-client.interface.js';

const REOPEN_AFTER_MS = 500;

interface NodeRedisListener extends NodeRedisClient {
  subscribe(
    channels: string[],
    listener: (message: Buffer, channel: Buffer) => void,
    bufferMode: true,
  ): Promise<unknown>;
  unsubscribe(
    channels: string[],
    listener: (message: Buffer, channel: Buffer) => void,
    bufferMode: true,
  ): Promise<unknown>;
}

/** Listens on one connection of node-redis, which has its channels subscribed again before it is 'ready'. */
export class NodeRedisChannels implements RedisChannels {
  protected readonly client: NodeRedisListener;
  protected onConnected: (() => void) | undefined;
  private onMessage: MessageListener | undefined;
  private reopening: Promise<void> | undefined;
  private closed = false;

  constructor(
    client: NodeRedisClient,
    /** What the client emits when there may be a new connection. */
    private readonly connectedEvents: readonly string[] = ['ready'],
  ) {
    this.client = client as NodeRedisListener;
  }

  start(onMessage: MessageListener, onConnected: () => void): void {
    this.onMessage = onMessage;
    this.onConnected = onConnected;
    for (const event of this.connectedEvents) this.client.on(event, this.onConnected);
  }

  subscribe(channels: string[]): Promise<unknown> {
    return this.client.subscribe(channels, this.pass, true);
  }

  unsubscribe(channels: string[]): Promise<unknown> {
    return this.client.unsubscribe(channels, this.pass, true);
  }

  reconnect(): void {
    this.reopening ??= this.reopen();
  }

  close(client: boolean): void {
    this.closed = true;
    for (const event of this.connectedEvents) if (this.onConnected) this.client.off(event, this.onConnected);
    if (client) this.disconnect().catch(() => undefined); // there is nobody left to tell
  }

  /** Closes the client and opens it again, however often that takes. The client keeps its channels meanwhile. */
  private async reopen(): Promise<void> {
    while (!this.closed) {
      try {
        await this.disconnect();
        await this.client.connect();
        break;
      } catch {
        // The client emits what went wrong. Nobody else would open it again.
        await delay(REOPEN_AFTER_MS, undefined, { ref: false });
      }
    }
    this.reopening = undefined;
  }

  private async disconnect(): Promise<void> {
    // Version 5 throws when there is nothing to close; that of a Sentinel answers with a promise.
    if (this.client.isOpen) await this.client.destroy();
  }

  private readonly pass = (message: Buffer, channel: Buffer): void => {
    this.onMessage?.(channel.toString(), message);
  };
}

/**
 * Listens through the Sentinel client of node-redis. It keeps the listening connection to itself and says only that
 * something broke, or that the primary is another: each time the channels are subscribed from scratch.
 */
export class NodeRedisSentinelChannels extends NodeRedisChannels {
  constructor(client: NodeRedisClient) {
    super(client, ['ready', 'error', 'topology-change']);
  }

  override async subscribe(channels: string[]): Promise<void> {
    await super.unsubscribe(channels);
    await super.subscribe(channels);
  }

  /** It makes a listening connection anew when the last channel is gone from the former one, and follows the primary. */
  override reconnect(): void {
    this.onConnected?.();
  }
}
