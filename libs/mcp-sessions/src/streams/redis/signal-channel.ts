import { SignalCursor, type SignalBatch } from './signal-cursor.js';
import { SIGNALS_LIFETIME_MS, type Probe, type SignalLog } from './signal-log.js';
import type { ReportFailure } from './settings.js';

/** How long signals may be missing before they are read: they are most likely under way. */
const PATIENCE_MS = 20;

type Handler = (sessionId: string, value: unknown) => void;

/**
 * What instances tell each other about sessions. Messages on the channel that all of them listen to bring it; what they
 * did not bring is read from the log. Each signal is handed to the handlers once, and not where it comes from.
 */
export class SignalChannel {
  private readonly handlers: Handler[] = [];
  private readonly missedHandlers: (() => void)[] = [];
  private readonly cursor: SignalCursor;
  /** One reading after the other: each knows what those before it have read. */
  private reading: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly log: SignalLog,
    private readonly instanceId: string,
    private readonly report: ReportFailure,
  ) {
    this.cursor = new SignalCursor(SIGNALS_LIFETIME_MS, {
      onBatch: (batch) => this.hand(batch),
      onMissed: () => this.missed(),
    });
  }

  onSignal(handler: Handler): void {
    this.handlers.push(handler);
  }

  onMissed(handler: () => void): void {
    this.missedHandlers.push(handler);
  }

  async send(sessionId: string, value: unknown): Promise<void> {
    await this.log.append(JSON.stringify([sessionId, value]));
  }

  /** Takes signals that a message brought. */
  receive(batch: SignalBatch): void {
    if (!this.cursor.receive(batch)) this.catchUpSoon();
  }

  /**
   * Hands out the signals that did not come. The first time, nothing: this instance begins where the log ends then.
   *
   * @param probe is sent in the same round trip
   */
  catchUp(probe?: Probe): Promise<void> {
    const turn = this.reading.then(() => this.read(probe));
    this.reading = turn.catch(() => undefined); // whoever asked for it is told
    return turn;
  }

  /** Signals may have been missed that nobody has any more. */
  missed(): void {
    for (const handler of this.missedHandlers) this.call(handler);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async read(probe: Probe | undefined): Promise<void> {
    const from = this.cursor.position;
    const askedAt = performance.now();
    const stored = await this.log.read(from, probe);
    if (!this.cursor.load(stored, from, askedAt)) this.catchUpSoon();
  }

  private catchUpSoon(): void {
    if (this.isStopped) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.catchUp().catch((error: unknown) => this.report('Signals could not be read', error));
    }, PATIENCE_MS).unref();
  }

  private hand({ id, signals }: SignalBatch): void {
    if (id.startsWith(`${this.instanceId}:`)) return;
    for (const line of signals.split('\n')) {
      this.call(() => {
        const [sessionId, value] = JSON.parse(line) as [string, unknown];
        for (const handler of this.handlers) handler(sessionId, value);
      });
    }
  }

  /** One signal that fails must not keep others from being handed out. */
  private call(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.report('A signal could not be handled', error);
    }
  }
}
