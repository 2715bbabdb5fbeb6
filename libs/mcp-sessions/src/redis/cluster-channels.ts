import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectToNode, NodeConnection } from './cluster-nodes.js';
import type { MessageListener, RedisChannels } from './redis-channels.interface.js';

const LONGEST_PAUSE_MS = 1_000;

/**
 * Listens on one node of a Cluster, which hears what is published on any; on another one when that is lost. The
 * clients' own subscriptions change nodes without a word, and messages are missed meanwhile.
 */
export class ClusterChannels implements RedisChannels {
  private connection: Promise<NodeConnection> | undefined;
  private onMessage!: MessageListener;
  private onConnected!: () => void;
  private closed = false;

  constructor(
    private readonly connectToNode: ConnectToNode,
    private readonly closeCluster: () => Promise<void>,
  ) {}

  start(onMessage: MessageListener, onConnected: () => void): void {
    this.onMessage = onMessage;
    this.onConnected = onConnected;
  }

  async subscribe(channels: string[]): Promise<void> {
    const { channels: node } = await this.connected();
    await node.subscribe(channels);
  }

  async unsubscribe(channels: string[]): Promise<void> {
    const { channels: node } = await this.connected();
    await node.unsubscribe(channels);
  }

  reconnect(): void {
    this.connection?.then(
      ({ channels }) => channels.close(true),
      () => undefined, // it was never made
    );
  }

  close(client: boolean): void {
    this.closed = true;
    this.reconnect();
    if (client) void this.closeCluster();
  }

  private connected(): Promise<NodeConnection> {
    this.connection ??= this.connect();
    return this.connection;
  }

  private async connect(): Promise<NodeConnection> {
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (this.closed) throw new Error('The subscriber is closed');
      try {
        const connection = await this.connectToNode();
        this.use(connection);
        return connection;
      } catch {
        // The Cluster's client reports outages itself. Whoever waits for this one is told by the command timeout.
        await delay(pauseMs, undefined, { ref: false });
      }
    }
  }

  private use(connection: NodeConnection): void {
    connection.channels.start(this.onMessage, () => undefined);
    let lost = false;
    connection.onLost(() => {
      if (lost) return;
      lost = true;
      connection.channels.close(true);
      this.connection = undefined;
      if (this.closed) return;
      this.connected().then(this.onConnected, () => undefined);
    });
  }
}
