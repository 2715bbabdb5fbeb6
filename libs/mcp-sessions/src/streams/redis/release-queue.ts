import type { ReportFailure } from './settings.js';
import type { StreamDirectory } from './stream-directory.js';
import type { Release } from './stream-directory.interface.js';

/**
 * Releases that wait while Redis is away: as many connections may have been asked for in vain meanwhile. Beyond that, the
 * oldest are left to be found when an event comes for a stream that is not here.
 */
export const MOST_WAITING = 100_000;

/**
 * Tells Redis of the streams that this instance has let go of: those of one tick together, and again what could not be
 * told, for Redis would otherwise believe for ever that the streams are held here.
 */
export class ReleaseQueue {
  private waiting: Release[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private willTell = false;

  constructor(
    private readonly directory: StreamDirectory,
    private readonly report: ReportFailure,
  ) {}

  /** Waits for the next `flush`. */
  add(release: Release): void {
    this.waiting.push(release);
    this.forgetOldest();
  }

  /** Sends what waits when the work of this tick is done. */
  tellSoon(): void {
    if (this.willTell) return;
    this.willTell = true;
    queueMicrotask(() => {
      this.willTell = false;
      this.tell();
    });
  }

  /** Sends what waits. */
  tell(): void {
    if (this.waiting.length === 0) return;
    this.flush().catch((error: unknown) =>
      this.report('Redis could not be told which streams were let go of', error),
    );
  }

  /** Sends what waits, before anything that is sent after this call. Resolves when Redis has been told of all. */
  async flush(): Promise<void> {
    if (this.waiting.length > 0) {
      const releases = this.waiting;
      this.waiting = [];
      const telling = this.send(releases).finally(() => this.underWay.delete(telling));
      this.underWay.add(telling);
    }
    await Promise.all(this.underWay);
  }

  private async send(releases: Release[]): Promise<void> {
    try {
      await this.directory.release(releases);
    } catch (error) {
      this.waiting = releases.concat(this.waiting);
      this.forgetOldest();
      throw error;
    }
  }

  private forgetOldest(): void {
    // Half of them, so that this is seldom.
    if (this.waiting.length > MOST_WAITING) this.waiting = this.waiting.slice(-MOST_WAITING / 2);
  }
}
