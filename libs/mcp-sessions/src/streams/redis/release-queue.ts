import type { ReportFailure } from './settings.js';
import type { StreamDirectory } from './stream-directory.js';
import type { Release } from './stream-directory.interface.js';

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
      this.waiting.unshift(...releases);
      throw error;
    }
  }
}
