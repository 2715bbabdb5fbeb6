import type { ReportFailure } from './settings.js';
import type { StreamDirectory } from './stream-directory.js';
import type { Release } from './stream-directory.interface.js';

/**
 * Tells Redis of the streams that this instance has let go of: those of one tick together, and again what could not be
 * told, for Redis would otherwise believe for ever that the streams are held here.
 */
export class ReleaseQueue {
  private waiting: Release[] = [];
  private telling: Promise<void> | undefined;

  constructor(
    private readonly directory: StreamDirectory,
    private readonly report: ReportFailure,
  ) {}

  /** Waits for the next `flush`. */
  add(release: Release): void {
    this.waiting.push(release);
  }

  /** Sends what waits. */
  tell(): void {
    this.flush().catch((error: unknown) =>
      this.report('Redis could not be told which streams were let go of', error),
    );
  }

  /** Sends what waits, before anything that is sent after this call. */
  async flush(): Promise<void> {
    if (this.waiting.length === 0) return this.telling;
    const releases = this.waiting;
    this.waiting = [];
    const telling = this.directory.release(releases);
    this.telling = telling;
    try {
      await telling;
    } catch (error) {
      this.waiting.unshift(...releases);
      throw error;
    } finally {
      if (this.telling === telling) this.telling = undefined;
    }
  }
}
