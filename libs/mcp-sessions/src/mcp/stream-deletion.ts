import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';

/** How long the other instances have for answering what they are working on when a session ends, in milliseconds. */
const ANSWER_MS = 5_000;

/**
 * Deletes the streams of sessions that have ended. Streams on which another instance is still to answer are left to that one,
 * which deletes them; one that has not after a while has died, or has not heard of it: then they are deleted here.
 */
export class StreamDeletion {
  private readonly logger = new Logger('McpSessions');
  /** Sessions with streams that were left, and since when. */
  private readonly left = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly streams: ResumableStreamManager,
    private readonly answerMs = ANSWER_MS,
  ) {}

  async delete(sessionId: string): Promise<void> {
    if (!this.streams.deleteAnswered) return this.streams.delete(sessionId);
    if (await this.streams.deleteAnswered(sessionId)) this.deleteLater(sessionId);
  }

  /** What is left from now on goes when its time to live is over. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private deleteLater(sessionId: string): void {
    this.left.set(sessionId, Date.now());
    this.schedule();
  }

  private schedule(): void {
    if (this.isStopped || this.left.size === 0) return;
    this.timer ??= setTimeout(() => void this.deleteLeft(), this.answerMs).unref();
  }

  private async deleteLeft(): Promise<void> {
    const due = [...this.left].flatMap(([id, since]) => (since + this.answerMs <= Date.now() ? [id] : []));
    for (const sessionId of due) this.left.delete(sessionId);
    await Promise.all(due.map((sessionId) => this.deleteNow(sessionId)));
    this.timer = undefined;
    this.schedule();
  }

  private async deleteNow(sessionId: string): Promise<void> {
    try {
      await this.streams.delete(sessionId);
    } catch (error) {
      if (this.isStopped) return;
      this.logger.error(
        `Streams of session ${logSafeId(sessionId)} cannot be deleted; it is tried again`,
        error,
      );
      this.deleteLater(sessionId);
    }
  }
}
