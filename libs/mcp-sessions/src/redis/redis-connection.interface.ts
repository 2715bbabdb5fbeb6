/** One part of a Redis command. Numbers go out in decimal. */
export type RedisArgument = string | Buffer | number;

/** A Lua script that runs on the server, known there by the SHA-1 of its text. */
export interface RedisScript {
  /** The script's file name, for messages. */
  readonly name: string;
  readonly text: string;
  readonly sha1: string;
}

/**
 * What this library asks of Redis, whichever client carries it. Texts of replies are strings (UTF-8), numbers are
 * numbers, absent values are `null`. A command that has no answer within the command timeout rejects; it may have
 * run all the same, so that every write has to be safe to repeat. Errors hold nothing of what was sent but the
 * command's name.
 */
export interface RedisConnection {
  /** Whether keys live on several primaries, so that a script may touch the keys of one slot only. */
  readonly isCluster: boolean;
  /** The clock of this process, and nothing else, says when a command has taken too long; in milliseconds. */
  readonly commandTimeoutMs: number;
  /**
   * Sends one command.
   *
   * @param key the key that decides which node of a Cluster gets it; `undefined`: any
   */
  command(key: string | undefined, name: string, ...args: RedisArgument[]): Promise<unknown>;
  /** Runs a script. All `keys` belong to one slot. Loads the script where a server does not know it. */
  run(script: RedisScript, keys: string[], args: RedisArgument[]): Promise<unknown>;
  /**
   * Connections to all nodes that hold keys: each primary of a Cluster, else this one alone. Rejects if the client does
   * not reach each of them.
   */
  primaries(): Promise<RedisConnection[]>;
  /** Closes the client, if this library made it; leaves one that the application made alone. */
  close(): Promise<void>;
}

/** A connection that only listens to channels. */
export interface RedisSubscriber {
  /** Listens to channels; resolves when the server has confirmed them. Messages come as the bytes that were sent. */
  subscribe(channels: string[], listener: (channel: string, message: Buffer) => void): Promise<void>;
  /** Calls the listener whenever the channels are subscribed anew: messages may have been missed before that. */
  onResubscribed(listener: () => void): void;
  /**
   * Subscribes anew, because nothing comes through although the connection looks sound. Resolves when the server has
   * confirmed; calls the listeners of `onResubscribed`.
   */
  resubscribe(): Promise<void>;
  /** Stops listening; closes the client, if this library made it. */
  close(): Promise<void>;
}
