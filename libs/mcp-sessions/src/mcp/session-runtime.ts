import { setImmediate } from 'node:timers/promises';
import type { LoggingLevel, SessionMetadata } from '../session-store/session-store.interface.js';
import { allSettled } from '../common/all-settled.js';
import type { AnswerBacklog } from './answer-backlog.js';
import { inTime } from './in-time.js';
import { isErrorResponse, isRequest } from './json-rpc.js';
import { unavailable } from './mcp-request.errors.js';
import type { JsonRpcMessage, McpServerLike, MessageExtra } from './mcp-server.interface.js';
import { NO_REPLY, type Reply } from './reply.js';
import type { SessionTransport } from './session-transport.js';

/** How long an application's server object may take to close. */
const CLOSING_TIMEOUT_MS = 2_000;

/**
 * The server object of one session on this instance, and the transport it is connected to. It can be dropped
 * whenever it is idle: the session's metadata is enough to make another one, here or elsewhere.
 */
export class SessionRuntime {
  /** When it was last used, in milliseconds since the epoch. */
  lastUsedAt = 0;
  private holds = 0;
  private logLevel: LoggingLevel | undefined;
  /** The server object was told a log level while it was handling the client's own: nobody knows which one it has. */
  private isLogLevelUnsure = false;
  private readonly subscriptions = new Set<string>();
  /** Resources of which it is not known whether the server object has them. */
  private readonly unsure = new Set<string>();
  /** How often the client has set something through this runtime. */
  private changes = 0;
  private inStep: Promise<unknown> = Promise.resolve();

  constructor(
    readonly sessionId: string,
    readonly transport: SessionTransport,
    /** Where this instance's answers go. */
    readonly backlog: AnswerBacklog,
    private readonly server: McpServerLike,
  ) {}

  /** A runtime in use is never dropped. */
  get isBusy(): boolean {
    return this.holds > 0 || this.transport.isBusy;
  }

  hold(now: number): void {
    this.holds += 1;
    this.lastUsedAt = now;
  }

  release(now: number): void {
    this.holds -= 1;
    this.lastUsedAt = now;
  }

  async connect(): Promise<void> {
    await this.server.connect(this.transport);
  }

  /** Opens the session. @returns the server object's answer to `initialize` */
  initialize(params: Record<string, unknown>, extra: MessageExtra): Promise<JsonRpcMessage> {
    return this.transport.ask('initialize', params, extra);
  }

  /**
   * Brings a new server object to where the session is, by replaying the handshake and what the client set since
   * (design.md, How a request finds its session).
   */
  async restore(metadata: SessionMetadata): Promise<void> {
    const { protocolVersion, clientCapabilities = {}, clientInfo } = metadata;
    if (protocolVersion === undefined) return;
    const answer = await this.initialize(
      {
        protocolVersion,
        capabilities: clientCapabilities,
        clientInfo: clientInfo ?? { name: '', version: '' },
      },
      {},
    );
    if (isErrorResponse(answer))
      throw new Error(`The server refused the replayed initialize: ${answer.error!.message}`);
    await this.transport.withoutNotifications(async () => {
      await this.receive({ jsonrpc: '2.0', method: 'notifications/initialized' });
      await setImmediate(); // The server object handles it later in this tick.
    });
    await this.repeat(metadata);
  }

  /** Whether the server object knows what the metadata says. */
  isInStepWith({ logLevel, subscriptions = [] }: SessionMetadata): boolean {
    if (logLevel !== undefined && logLevel !== this.logLevel) return false;
    return (
      this.unsure.size === 0 &&
      subscriptions.length === this.subscriptions.size &&
      subscriptions.every((uri) => this.subscriptions.has(uri))
    );
  }

  /**
   * Repeats to the server object what the client has set on another instance since: once more if the client sets
   * something here meanwhile, so that the end is what the store says.
   *
   * @param read the session's metadata as the store has it now
   * @returns whether the session is still there
   */
  bringInStep(read: () => Promise<SessionMetadata | null>): Promise<boolean> {
    const turn = this.inStep.then(() => this.repeatWhatIsStored(read));
    this.inStep = turn.catch(() => undefined); // whoever asked for it is told
    return turn;
  }

  /**
   * What the client has set through this very runtime needs no repeating.
   *
   * @returns whether the server object has that level for certain
   */
  noteLogLevel(level: LoggingLevel): boolean {
    const isUnsure = this.isLogLevelUnsure;
    this.isLogLevelUnsure = false;
    this.logLevel = isUnsure ? undefined : level;
    this.changes += 1;
    return !isUnsure;
  }

  /** What the client has set through this very runtime needs no repeating. */
  noteSubscription(uri: string, isSubscribed: boolean): void {
    if (isSubscribed) this.subscriptions.add(uri);
    else this.subscriptions.delete(uri);
    this.changes += 1;
  }

  isSubscribedTo(uri: string): boolean {
    return this.subscriptions.has(uri);
  }

  get subscriptionCount(): number {
    return this.subscriptions.size;
  }

  receive(message: JsonRpcMessage, extra: MessageExtra = {}, reply: Reply = NO_REPLY): Promise<void> {
    return this.transport.receive(message, extra, reply);
  }

  /** Hands over all the messages of a POST, or, if one of them is refused, none. */
  async receiveAll(messages: readonly JsonRpcMessage[], extra: MessageExtra, reply: Reply): Promise<void> {
    if (this.transport.isClosed) throw unavailable('The session was closed meanwhile; try again');
    this.transport.assertAcceptable(messages.filter(isRequest).map(({ id }) => id));
    for (const message of messages) await this.receive(message, extra, reply);
  }

  /** Closes the server object, and the transport whatever becomes of that: it answers what is in progress. */
  async close(): Promise<void> {
    const closed = this.closeServer();
    const answered = closed.catch(() => undefined).then(() => this.transport.close());
    await allSettled([closed, answered], 'The server object or its transport could not be closed');
  }

  private async closeServer(): Promise<void> {
    await inTime(this.server.close(), CLOSING_TIMEOUT_MS, () => new Error('It did not close in time'));
  }

  private async repeatWhatIsStored(read: () => Promise<SessionMetadata | null>): Promise<boolean> {
    for (let seen = -1; seen !== this.changes && !this.transport.isClosed;) {
      seen = this.changes;
      const metadata = await read();
      if (!metadata) return false;
      await this.repeat(metadata);
    }
    return true;
  }

  private async repeat({ logLevel, subscriptions = [] }: SessionMetadata): Promise<void> {
    if (logLevel !== undefined && logLevel !== this.logLevel) {
      this.logLevel = logLevel;
      this.isLogLevelUnsure = this.transport.isHandling('logging/setLevel');
      await this.transport.ask('logging/setLevel', { level: logLevel });
    }
    const wanted = new Set(subscriptions);
    const unsure = new Set(this.unsure);
    const missing = [...wanted].filter((uri) => !this.subscriptions.has(uri) || unsure.has(uri));
    const surplus = [...new Set([...this.subscriptions, ...unsure])].filter((uri) => !wanted.has(uri));
    // Noted before the server object is asked: what the client sets meanwhile comes behind it.
    for (const uri of missing) {
      this.subscriptions.add(uri);
      this.noteUnsure(uri);
      await this.transport.ask('resources/subscribe', { uri });
    }
    for (const uri of surplus) {
      this.subscriptions.delete(uri);
      this.noteUnsure(uri);
      await this.transport.ask('resources/unsubscribe', { uri });
    }
  }

  /** While the server object handles the client's own change, nobody knows which of the two it ends with. */
  private noteUnsure(uri: string): void {
    const { transport } = this;
    const isUnsure = ['resources/subscribe', 'resources/unsubscribe'].some((name) =>
      transport.isHandling(name),
    );
    if (isUnsure) this.unsure.add(uri);
    else this.unsure.delete(uri);
  }
}
