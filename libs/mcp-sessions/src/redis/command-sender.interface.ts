import type { Attempt } from './command-deadlines.js';
import type { RedisArgument } from './redis-connection.interface.js';

/** How one kind of client sends commands. */
export interface CommandSender {
  readonly isCluster: boolean;
  /** Why the client cannot be used as it is now, for the application's author; `undefined` if it can. */
  unusable(): string | undefined;
  /** @param attempt tells when the command is given up: a client that can takes it out of its queue then */
  send(key: string | undefined, name: string, args: RedisArgument[], attempt?: Attempt): Promise<unknown>;
  /**
   * Senders to each primary of a Cluster; without Cluster, this one alone.
   *
   * @param attempt as with `send`, of the commands that this takes
   * @throws Error the client does not reach all of them
   */
  primaries(attempt?: Attempt): Promise<CommandSender[]>;
  close(): Promise<void>;
}
