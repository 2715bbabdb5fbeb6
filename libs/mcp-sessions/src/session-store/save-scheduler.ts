/** How long after a failed save it is tried again, unless something changes before, in milliseconds. */
const RETRY_MS = 5_000;

/** Told how saves in the background go. */
export interface SaveReport {
  /** A save failed, the first one since the last that succeeded. It is tried again. */
  failed(error: unknown): void;
  /** A save succeeded after some had failed. */
  recovered(): void;
}

/**
 * Decides when to save: soon after a change, together with the changes that come in the meantime, and never two
 * saves at once. The wait starts with the first unsaved change and no later one extends it, so that steady
 * changes cannot keep off the save for ever.
 */
export class SaveScheduler {
  /** Counts changes. A save covers those that came before it began. */
  private revision = 0;
  private savedRevision = 0;
  private current: { revision: number; done: Promise<void> } | undefined;
  private due = false;
  private failing = false;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private timerMs = Infinity;

  /**
   * @param save writes the state of the moment it is called; resolves when that is durable
   * @param debounceMs how long a change may wait for others, in milliseconds
   */
  constructor(
    private readonly save: () => Promise<void>,
    private readonly debounceMs: number,
    private readonly report: SaveReport,
  ) {}

  /** Something changed that is to be saved. */
  changed(): void {
    this.revision += 1;
    this.due = true;
    if (!this.current) this.schedule(this.debounceMs);
  }

  /** Something changed that is only worth saving along with something else, or at the end. */
  changedSlightly(): void {
    this.revision += 1;
  }

  /**
   * Saves what is unsaved.
   *
   * @throws the save's error
   */
  async flush(): Promise<void> {
    const target = this.revision;
    if (this.savedRevision >= target) return;
    if (this.current && this.current.revision < target) {
      // It began too early to cover everything. If it fails, whoever started it knows.
      await this.current.done.catch(() => undefined);
      if (this.savedRevision >= target) return;
    }
    await (this.current?.done ?? this.start());
  }

  /** Starts no save from now on, except by `flush`. */
  stop(): void {
    this.stopped = true;
    this.cancelTimer();
  }

  private schedule(delayMs: number): void {
    // A change does not push back a save that is coming anyway, but it does not wait for a distant retry.
    if (this.stopped || (this.timer && this.timerMs <= delayMs)) return;
    this.cancelTimer();
    this.timerMs = delayMs;
    this.timer = setTimeout(() => {
      this.cancelTimer();
      this.start().catch((error: unknown) => this.reportFailure(error));
    }, delayMs).unref();
  }

  private cancelTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private start(): Promise<void> {
    this.cancelTimer();
    this.due = false;
    const revision = this.revision;
    const done = this.run(revision);
    this.current = { revision, done };
    return done;
  }

  private async run(revision: number): Promise<void> {
    try {
      await this.save();
      this.savedRevision = revision;
      this.current = undefined;
      if (this.failing) this.report.recovered();
      this.failing = false;
      if (this.due) this.schedule(this.debounceMs);
    } catch (error) {
      this.current = undefined;
      this.schedule(this.due ? this.debounceMs : RETRY_MS);
      throw error;
    }
  }

  private reportFailure(error: unknown): void {
    if (!this.failing) this.report.failed(error);
    this.failing = true;
  }
}
