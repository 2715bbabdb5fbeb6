import { MAIN_STREAM_KEY } from '../stream-manager.interface.js';
import { endConnection } from '../replay.js';
import type { Broadcaster } from './broadcaster.js';
import type { HeldStream } from './held-stream.js';
import type { HeldStreams } from './held-streams.js';
import type { StreamDelivery } from './stream-delivery.js';
import type { StreamCheck, StreamDirectory } from './stream-directory.js';
import type { StreamOpening } from './stream-opening.js';

/** How long something may be missing before it is read: it is most likely under way. */
const PATIENCE_MS = 20;
/** Heartbeats in which every stream is checked once. */
const ROUND = 6;

/** Reads from the log what pub/sub did not bring. The log is the truth; pub/sub is only the quick way. */
export class CatchUp {
  private readonly stuck = new Set<HeldStream>();
  private broadcastsAreMissing = false;
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;

  constructor(
    private readonly directory: StreamDirectory,
    private readonly delivery: StreamDelivery,
    private readonly broadcaster: Broadcaster,
    private readonly opening: StreamOpening,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  /** Something is missing: events of a stream, or broadcasts. */
  soon(stream: HeldStream | undefined): void {
    if (stream) this.stuck.add(stream);
    // An event of a main stream may also wait for a broadcast.
    if (!stream || stream.ref.key === MAIN_STREAM_KEY) this.broadcastsAreMissing = true;
    this.timer ??= setTimeout(() => void this.readMissing(), PATIENCE_MS).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** Checks all streams that are held here against Redis. */
  async checkAll(held: HeldStreams): Promise<void> {
    await this.check([...held.all()]);
  }

  /** As `checkAll`, a part of them with each call, in case a message was lost without a sign. */
  async checkSome(held: HeldStreams): Promise<void> {
    this.turn = (this.turn + 1) % ROUND;
    const streams = [...held.all()].filter((_, index) => index % ROUND === this.turn);
    await this.check(streams);
  }

  private async readMissing(): Promise<void> {
    this.timer = undefined;
    const stuck = [...this.stuck].filter((stream) => stream.connection);
    this.stuck.clear();
    try {
      if (this.broadcastsAreMissing) {
        this.broadcastsAreMissing = false;
        await this.broadcaster.catchUp();
        this.delivery.fanOut();
      }
      await this.check(stuck);
    } catch (error) {
      this.onFailed(error);
    }
  }

  private async check(streams: HeldStream[]): Promise<void> {
    const checked = streams.filter((stream) => stream.connection);
    const results = await this.directory.check(checked);
    await Promise.all(checked.map((stream, index) => this.apply(stream, results[index]!)));
  }

  private async apply(stream: HeldStream, result: StreamCheck): Promise<void> {
    if (!stream.connection) return;
    if (result === 'lost') return this.opening.recover(stream);
    if (result === 'taken') {
      const { connection } = stream;
      this.delivery.forget(stream);
      endConnection(connection);
      return;
    }
    if (result.hasEnded) stream.endsAt = result.last;
    if (result.last > stream.delivered) await this.read(stream);
    this.delivery.deliver(stream);
  }

  private async read(stream: HeldStream): Promise<void> {
    const { session, field, epoch, delivered } = stream;
    const stored = await this.directory.read(session, field, epoch, delivered);
    if (!stored) return this.opening.recover(stream);
    if (!stream.connection) return;
    const firstKept = stored.last - stored.events.length + 1;
    if (firstKept > stream.delivered + 1) this.delivery.tellLost(stream, firstKept - 1);
    for (const event of stored.events) stream.offer({ epoch, ...event });
    if (stored.hasEnded) stream.endsAt = stored.last;
  }
}
