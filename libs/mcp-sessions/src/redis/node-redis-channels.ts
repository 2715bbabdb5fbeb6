import type { MessageListener, RedisChannels } from './redis-channels.interface.js';
import type { NodeRedisClient } from './redis-client.interface.js';

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
  private onConnected: (() => void) | undefined;
  private onMessage: MessageListener | undefined;

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
    this.client.destroy();
    // The client retries by itself, and emits 'error' when it does not get through.
    this.client.connect().catch(() => undefined);
  }

  close(client: boolean): void {
    for (const event of this.connectedEvents) if (this.onConnected) this.client.off(event, this.onConnected);
    if (client) this.client.destroy();
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
}
