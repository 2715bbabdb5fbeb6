import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import { RequestBatch } from '../../redis/request-batch.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { signalMessage } from './instance-messages.js';
import type { RedisStreamSettings } from './settings.js';

/** Signals that one message carries. */
const SIGNALS_PER_MESSAGE = 128;

type Handler = (sessionId: string, value: unknown) => void;

/** What instances tell each other about sessions: on the channel that all of them listen to. */
export class SignalChannel {
  private readonly handlers: Handler[] = [];
  private readonly missedHandlers: (() => void)[] = [];
  private readonly messages: RequestBatch<string, string>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
  ) {
    this.messages = new RequestBatch((signals) => this.publish(signals), SIGNALS_PER_MESSAGE);
  }

  onSignal(handler: Handler): void {
    this.handlers.push(handler);
  }

  onMissed(handler: () => void): void {
    this.missedHandlers.push(handler);
  }

  async send(sessionId: string, value: unknown): Promise<void> {
    const { instanceId } = this.settings;
    const message = signalMessage(this.keys.encode(sessionId), instanceId, JSON.stringify(value));
    await this.messages.request(message);
  }

  receive(session: string, instanceId: string, json: string): void {
    if (instanceId === this.settings.instanceId) return;
    const sessionId = this.keys.decode(session);
    if (sessionId === undefined) return;
    for (const handler of this.handlers) handler(sessionId, JSON.parse(json));
  }

  missed(): void {
    for (const handler of this.missedHandlers) handler();
  }

  private async publish(signals: string[]): Promise<string[]> {
    await this.redis.command(undefined, 'PUBLISH', this.keys.broadcastChannel, signals.join(''));
    return signals;
  }
}
