import type { MessageListener, RedisChannels } from './redis-channels.interface.js';
import type { IoredisClient } from './redis-client.interface.js';

/** Listens on one connection of ioredis or iovalkey, with Sentinels or without. */
export class IoredisChannels implements RedisChannels {
  private onMessage: ((channel: Buffer, message: Buffer) => void) | undefined;
  private onReady: (() => void) | undefined;

  constructor(private readonly client: IoredisClient) {}

  start(onMessage: MessageListener, onConnected: () => void): void {
    this.onMessage = (channel, message) => onMessage(channel.toString(), message);
    this.onReady = onConnected;
    this.client.on('messageBuffer', this.onMessage);
    // On 'ready' ioredis has sent its own SUBSCRIBE, and says nowhere when that is confirmed: ours comes after it.
    this.client.on('ready', this.onReady);
  }

  subscribe(channels: string[]): Promise<unknown> {
    return this.client.subscribe(...channels);
  }

  unsubscribe(channels: string[]): Promise<unknown> {
    return this.client.unsubscribe(...channels);
  }

  reconnect(): void {
    // A client whose retries have come to their end does nothing by itself any more.
    if (this.client.status === 'end') this.client.connect().catch(() => undefined);
    else this.client.disconnect(true);
  }

  close(client: boolean): void {
    if (this.onMessage) this.client.off('messageBuffer', this.onMessage);
    if (this.onReady) this.client.off('ready', this.onReady);
    if (client) this.client.disconnect();
  }
}
