import { InvalidConfigurationError } from '../common/errors.js';
import { clientError } from './client-error.js';
import type { Attempt, CommandDeadlines } from './command-deadlines.js';
import type { CommandSender } from './command-sender.interface.js';
import type { RedisArgument, RedisConnection, RedisScript } from './redis-connection.interface.js';
import { checkServer } from './server-check.js';

/** Sends commands through a client of any kind, and waits no longer than the command timeout for each. */
export class ClientConnection implements RedisConnection {
  /** Settled once the server has been found usable; until then each command waits for that. */
  private checking: Promise<void> | undefined;
  private checked = false;

  constructor(
    private readonly sender: CommandSender,
    private readonly deadlines: CommandDeadlines,
    private readonly owned: boolean,
  ) {}

  get isCluster(): boolean {
    return this.sender.isCluster;
  }

  get commandTimeoutMs(): number {
    return this.deadlines.timeoutMs;
  }

  command(key: string | undefined, name: string, ...args: RedisArgument[]): Promise<unknown> {
    return this.deadlines.enforce(
      this.checked
        ? (attempt) => this.sender.send(key, name, args, attempt)
        : (attempt) => this.checkServer().then(() => this.sendUnlessGivenUp(attempt, key, name, args)),
      (error) => clientError(error, name, args),
    );
  }

  async run(script: RedisScript, keys: string[], args: RedisArgument[]): Promise<unknown> {
    try {
      return await this.command(keys[0], 'evalsha', script.sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.command(keys[0], 'eval', script.text, keys.length, ...keys, ...args);
    }
  }

  async primaries(): Promise<RedisConnection[]> {
    if (!this.isCluster) return [this];
    const senders = await this.deadlines.enforce(
      (attempt) => this.checkServer().then(() => this.sender.primaries(attempt)),
      (error) => clientError(error, 'cluster', []),
    );
    return senders.map((sender) => {
      const connection = new ClientConnection(sender, this.deadlines, false);
      connection.checked = true;
      return connection;
    });
  }

  async close(): Promise<void> {
    if (this.owned) await this.sender.close();
  }

  private async sendUnlessGivenUp(
    attempt: Attempt,
    key: string | undefined,
    name: string,
    args: RedisArgument[],
  ): Promise<unknown> {
    return attempt.isGivenUp ? undefined : this.sender.send(key, name, args, attempt);
  }

  private checkServer(): Promise<void> {
    this.checking ??= this.findServerUsable();
    return this.checking;
  }

  private async findServerUsable(): Promise<void> {
    try {
      const reason = this.sender.unusable();
      if (reason) throw new InvalidConfigurationError(reason);
      await checkServer(this.sender);
      this.checked = true;
    } catch (error) {
      this.checking = undefined; // the next command asks again
      throw error;
    }
  }
}
