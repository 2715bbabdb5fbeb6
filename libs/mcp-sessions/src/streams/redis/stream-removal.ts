import type { AppendQueue } from './append-queue.js';
import type { StreamDelivery } from './stream-delivery.js';
import type { StreamDirectory } from './stream-directory.js';

/** Ends all streams of a session, here and in Redis. */
export class StreamRemoval {
  constructor(
    private readonly directory: StreamDirectory,
    private readonly delivery: StreamDelivery,
    private readonly appends: AppendQueue,
  ) {}

  /**
   * @param leavesUnanswered leave the streams alone on which another instance is still to answer
   * @returns how many were left alone
   */
  async remove(session: string, leavesUnanswered: boolean): Promise<number> {
    const held = this.delivery.held.ofSession(session);
    const dropped = held.filter(({ origin }) => !leavesUnanswered || origin === undefined);
    for (const stream of dropped) this.delivery.drop(stream);
    try {
      await this.appends.settled(session);
      const { streams, left } = await this.directory.delete(session, leavesUnanswered);
      // Streams that were being opened meanwhile are deleted, too.
      for (const { field, epoch } of streams) this.delivery.deleted(session, field, epoch);
      return left;
    } catch (error) {
      // The session is still there: somebody else may go on with its streams.
      for (const stream of dropped) this.delivery.releases.add(this.delivery.releaseOf(stream));
      throw error;
    }
  }
}
