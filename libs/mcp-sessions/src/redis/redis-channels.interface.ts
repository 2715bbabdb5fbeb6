/** Called with each message; it may be of a channel that somebody else subscribed on the same client. */
export type MessageListener = (channel: string, message: Buffer) => void;

/** How one kind of client listens to channels. */
export interface RedisChannels {
  /** Sets what is called with messages, and what is called when a new connection has been made. Called once. */
  start(onMessage: MessageListener, onConnected: () => void): void;
  /** Subscribes, also what is subscribed already. Resolves when the server of this connection has confirmed it. */
  subscribe(channels: string[]): Promise<unknown>;
  unsubscribe(channels: string[]): Promise<unknown>;
  /** Drops the connection and makes another one. */
  reconnect(): void;
  /**
   * Lets go of listeners and of connections that the library made.
   *
   * @param client whether to close the client too
   */
  close(client: boolean): void;
}
