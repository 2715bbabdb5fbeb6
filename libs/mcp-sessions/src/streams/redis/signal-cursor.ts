/** Batches are numbered by the instance that sends them; of so many instances the last number is remembered. */
const MAX_SENDERS = 1_024;
/** What stands for the batch before the first one of a log. */
const NONE = '-';

/** Signals that one instance sent together. */
export interface SignalBatch {
  /** Its place in the log; 0: it is not in the log, because Redis was full. */
  offset: number;
  /** Who sent it and as which of its batches, as `instance:number`. */
  id: string;
  /** The `id` of the batch before it in the log; `-` if it is the first one. */
  previous: string;
  /** The signals, a line each. */
  signals: string;
}

/** What Redis keeps of the log behind a place in it. */
export interface StoredSignals {
  /** Whether the log goes on at that place: if not, `batches` are all that it has. */
  continues: boolean;
  /** The last batch in the log; `undefined`: it is empty, or gone. */
  last: Pick<SignalBatch, 'offset' | 'id'> | undefined;
  /** In order, each with when it was appended, in milliseconds since the epoch by the clock of Redis. */
  batches: (SignalBatch & { at: number })[];
  /** The time there. */
  now: number;
}

/** A place in the log: behind this batch. */
export type SignalPosition = Pick<SignalBatch, 'offset' | 'id'>;

/** What becomes of signals. */
export interface SignalListener {
  /** Called with each batch, in the order of the log and once. */
  onBatch(batch: SignalBatch): void;
  /** Batches may be missing that are no longer kept. */
  onMissed(): void;
}

/**
 * How far this instance is in the log of signals. Each batch names the one before it: so it shows when others are missing, and
 * also when the log is another one, or has gone back in time.
 */
export class SignalCursor {
  private place: SignalPosition | undefined;
  /**
   * The number of the last batch of each instance that has been taken from the log, and of the last one that was not in it.
   * The instance that sent last is at the end.
   */
  private readonly taken = new Map<string, { logged: number; other: number }>();
  /** What was appended before is not for this instance; by the clock of Redis. */
  private since = 0;
  /** When the last batch was appended, and when it was last known to be the last one; by this process's clock. */
  private lastAt = 0;
  private verifiedAt = 0;

  /** @param lifetimeMs how long the log outlives its last batch */
  constructor(
    private readonly lifetimeMs: number,
    private readonly listener: SignalListener,
    private readonly clock = (): number => performance.now(),
  ) {}

  /** `undefined` until it is known where the log ends. */
  get position(): SignalPosition | undefined {
    return this.place;
  }

  /** Takes a batch that a message brought. @returns `false` if others are missing before it: read the log */
  receive(batch: SignalBatch): boolean {
    if (batch.offset === 0) {
      this.take(batch);
      return true;
    }
    // It may be the next one in the log and known all the same.
    if (batch.previous !== this.place?.id) return this.isTaken(batch);
    this.moveTo(batch, 0);
    this.verifiedAt = this.clock();
    this.take(batch);
    return true;
  }

  /**
   * Takes what was read.
   *
   * @param from the `position` behind which it was read
   * @param askedAt when that was asked for
   * @returns `false` if messages have come meanwhile that contradict it: read again
   */
  load(
    { continues, last, batches, now }: StoredSignals,
    from: SignalPosition | undefined,
    askedAt: number,
  ): boolean {
    if (!from) {
      this.since = now;
      this.moveTo(last, 0);
    } else if (!continues) {
      if (this.place !== from) return false;
      if (!this.hasEndedInTime(batches)) this.listener.onMissed();
      this.moveTo(undefined, 0);
    }
    this.verifiedAt = Math.max(this.verifiedAt, askedAt);
    for (const batch of batches) {
      if (!continues || batch.previous === this.place?.id) this.moveTo(batch, now - batch.at);
      if (batch.at >= this.since) this.take(batch);
    }
    return true;
  }

  private moveTo(batch: SignalPosition | undefined, ageMs: number): void {
    this.place = batch ? { offset: batch.offset, id: batch.id } : { offset: 0, id: NONE };
    this.lastAt = this.clock() - ageMs;
  }

  /** Whether the former log was gone because nobody had signalled anything for so long, and all of the next one is here. */
  private hasEndedInTime([first]: SignalBatch[]): boolean {
    const now = this.clock();
    const isOver = now - this.lastAt >= this.lifetimeMs;
    // What came behind the last batch, had there been anything, would be there still.
    const isComplete = now - this.verifiedAt < this.lifetimeMs;
    return isOver && isComplete && (!first || first.previous === NONE);
  }

  private take(batch: SignalBatch): void {
    if (this.isTaken(batch)) return;
    const [sender, number] = senderOf(batch);
    const { logged = 0, other = 0 } = this.taken.get(sender) ?? {};
    this.taken.delete(sender);
    this.taken.set(sender, batch.offset > 0 ? { logged: number, other } : { logged, other: number });
    if (this.taken.size > MAX_SENDERS) this.taken.delete(this.taken.keys().next().value!);
    this.listener.onBatch(batch);
  }

  private isTaken(batch: SignalBatch): boolean {
    const [sender, number] = senderOf(batch);
    const taken = this.taken.get(sender);
    return taken !== undefined && (number <= taken.logged || number === taken.other);
  }
}

function senderOf({ id }: SignalBatch): [instanceId: string, number: number] {
  const separator = id.lastIndexOf(':');
  return [id.slice(0, separator), Number(id.slice(separator + 1))];
}
