import { RedisCommandTimeoutError } from './redis.errors.js';

interface Waiting {
  readonly deadline: number;
  readonly reject: (error: Error) => void;
}

/**
 * Rejects what has not settled in time. Every wait is equally long, so they end in the order in which they began,
 * and one timer for the oldest of them does for all.
 */
export class CommandDeadlines {
  /** Oldest first: a Set keeps the order of insertion. */
  private readonly waiting = new Set<Waiting>();
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly timeoutMs: number) {}

  /**
   * What `send` answers, or a rejection when that takes too long. What it answers later goes nowhere.
   *
   * @param explain makes the rejection of what `send` rejects with
   * @throws RedisCommandTimeoutError there was no answer in time
   */
  enforce<T>(send: () => Promise<T>, explain: (error: unknown) => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const answer = promised(send);
      const waiting = { deadline: performance.now() + this.timeoutMs, reject };
      this.waiting.add(waiting);
      if (this.timer === undefined) this.arm(this.timeoutMs);
      answer.then(
        (value) => {
          this.waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.waiting.delete(waiting);
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
    for (const waiting of this.waiting) {
      if (waiting.deadline > now) {
        this.arm(Math.ceil(waiting.deadline - now));
        return;
      }
      this.waiting.delete(waiting);
      waiting.reject(new RedisCommandTimeoutError(this.timeoutMs));
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
