import { RedisCommandTimeoutError } from './redis.errors.js';

/** A command on its way, for whoever can still take it back. */
export class Attempt {
  isGivenUp = false;
  private controller: AbortController | undefined;

  constructor(
    /** @internal */
    readonly deadline: number,
    private readonly reject: (error: Error) => void,
  ) {}

  /** Aborted when nobody waits for the answer any more. Made for those who ask: it costs more than the attempt. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.isGivenUp) this.controller.abort();
    return this.controller.signal;
  }

  /** @internal */
  giveUp(error: Error): void {
    this.isGivenUp = true;
    this.reject(error); // before the client does, when it sees the signal
    this.controller?.abort();
  }
}

/**
 * Rejects what has not settled in time. Every wait is equally long, so they end in the order in which they began,
 * and one timer for the oldest of them does for all.
 */
export class CommandDeadlines {
  /** Oldest first: a Set keeps the order of insertion. */
  private readonly waiting = new Set<Attempt>();
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly timeoutMs: number) {}

  /**
   * What `send` answers, or a rejection when that takes too long. What it answers later goes nowhere.
   *
   * @param explain makes the rejection of what `send` rejects with
   * @throws RedisCommandTimeoutError there was no answer in time
   */
  enforce<T>(send: (attempt: Attempt) => Promise<T>, explain: (error: unknown) => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const attempt = new Attempt(performance.now() + this.timeoutMs, reject);
      const answer = promised(() => send(attempt));
      this.waiting.add(attempt);
      if (this.timer === undefined) this.arm(this.timeoutMs);
      answer.then(
        (value) => {
          this.waiting.delete(attempt);
          resolve(value);
        },
        (error: unknown) => {
          this.waiting.delete(attempt);
          reject(explain(error));
        },
      );
    });
  }

  private arm(delayMs: number): void {
    this.timer = setTimeout(() => {
      // When the process was busy, answers may have come that nobody has read yet: they are read before this runs.
      setImmediate(() => this.expire());
    }, delayMs).unref();
  }

  private expire(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const attempt of this.waiting) {
      if (attempt.deadline > now) {
        this.arm(Math.ceil(attempt.deadline - now));
        return;
      }
      this.waiting.delete(attempt);
      attempt.giveUp(new RedisCommandTimeoutError(this.timeoutMs));
    }
  }
}

/** A client that throws fails as one that rejects. */
function promised<T>(send: () => Promise<T>): Promise<T> {
  try {
    return send();
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
