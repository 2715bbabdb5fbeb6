import { MAIN_STREAM_KEY } from '../stream-manager.interface.js';
import type { Broadcaster } from './broadcaster.js';
import type { HeldStream } from './held-stream.js';
import type { InstancePresence } from './instance-presence.js';
import type { ReportFailure } from './settings.js';
import type { StreamDelivery } from './stream-delivery.js';
import type { StreamDirectory } from './stream-directory.js';
import type { StreamCheck } from './stream-directory.interface.js';
import type { StreamOpening } from './stream-opening.js';

/** How long something may be missing before it is read: it is most likely under way. */
const PATIENCE_MS = 20;

/** Reads from the log what pub/sub did not bring. The log is the truth; pub/sub is only the quick way. */
export class CatchUp {
  /** Streams that lack something. */
  private readonly stuck = new Set<HeldStream>();
  /** Streams that are not here, and which Redis is asked about. */
  private readonly strays = new Set<string>();
  private broadcastsAreMissing = false;
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;
  private isStopped = false;

  constructor(
    private readonly directory: StreamDirectory,
    private readonly delivery: StreamDelivery,
    private readonly broadcaster: Broadcaster,
    private readonly opening: StreamOpening,
    private readonly presence: Pick<InstancePresence, 'isAlive'>,
    /** Heartbeats in which every stream is checked once. */
    private readonly checkRound: number,
    private readonly report: ReportFailure,
  ) {}

  /** Something is missing: events of a stream, or broadcasts. */
  soon(stream: HeldStream | undefined): void {
    if (stream) this.stuck.add(stream);
    // An event of a main stream may also wait for a broadcast.
    if (!stream || stream.ref.key === MAIN_STREAM_KEY) this.broadcastsAreMissing = true;
    if (this.isStopped) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.readMissing().catch((error: unknown) => this.report('Events could not be read', error));
    }, PATIENCE_MS).unref();
  }

  /** An event came for a stream that is not here: Redis has gone back to when it was, or the message is late. */
  astray(session: string, field: string): void {
    const address = `${session} ${field}`;
    if (this.isStopped || this.strays.has(address)) return;
    this.strays.add(address);
    this.releaseStray(session, field)
      .catch((error: unknown) => this.report('A stream could not be let go of', error))
      .finally(() => this.strays.delete(address));
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Checks the broadcasts, and all streams that are held here, against Redis. */
  async checkAll(): Promise<void> {
    await this.broadcaster.catchUp();
    await this.check([...this.delivery.held.all()]);
  }

  /**
   * As `checkAll`, a part of the streams with each call, in case a message was lost without a sign; and what could not
   * be read before.
   */
  async checkSome(): Promise<void> {
    this.turn = (this.turn + 1) % this.checkRound;
    const streams = [...this.delivery.held.all()].filter((_, index) => index % this.checkRound === this.turn);
    for (const stream of streams) this.stuck.add(stream);
    this.broadcastsAreMissing = true;
    await this.readMissing();
    await this.endOrphans();
  }

  /**
   * Ends the connections of requests whose instance has died: there will be no answer, which a client is told when it
   * comes back.
   */
  private async endOrphans(): Promise<void> {
    const origins = new Set<string>();
    for (const { origin } of this.delivery.held.all()) if (origin !== undefined) origins.add(origin);
    for (const origin of origins) {
      if (await this.presence.isAlive(origin)) continue;
      for (const stream of [...this.delivery.held.all()]) {
        if (stream.origin === origin) this.delivery.finish(stream);
      }
    }
  }

  private async releaseStray(session: string, field: string): Promise<void> {
    const claim = await this.directory.ownClaim(session, field);
    const { held, releases } = this.delivery;
    if (claim === undefined || held.isHere(session, field)) return;
    releases.add({ session, field, claim });
    await releases.flush();
  }

  private async readMissing(): Promise<void> {
    const streams = [...this.stuck];
    const { broadcastsAreMissing } = this;
    this.stuck.clear();
    this.broadcastsAreMissing = false;
    try {
      if (broadcastsAreMissing) await this.broadcaster.catchUp();
      await this.check(streams);
    } catch (error) {
      // They are still missing: the next heartbeat tries again.
      for (const stream of streams) this.stuck.add(stream);
      this.broadcastsAreMissing ||= broadcastsAreMissing;
      throw error;
    }
  }

  private async check(streams: HeldStream[]): Promise<void> {
    const checked = streams.filter((stream) => stream.connection && !stream.isRecovering);
    // Doubts that come up from here on are for the next check.
    const doubted = new Set(checked.filter((stream) => stream.isInDoubt));
    const { epoch } = this.delivery.broadcasts;
    const results = await this.directory.check(checked);
    await Promise.all(
      checked.map((stream, index) => {
        const result = results[index]!;
        if (typeof result === 'string') stream.isInDoubt = true;
        else if (doubted.has(stream)) stream.isInDoubt = false;
        return this.apply(stream, result, epoch);
      }),
    );
  }

  private async apply(stream: HeldStream, result: StreamCheck, epoch: string): Promise<void> {
    if (!stream.connection) return;
    if (result === 'taken') return this.delivery.drop(stream);
    if (result === 'changed') return this.opening.recover(stream);
    if (result === 'gone') return this.applyGone(stream);
    stream.knownSince = epoch;
    if (result.last > stream.delivered) await this.read(stream);
    if (!stream.connection) return;
    if (result.hasEnded) stream.endsAt = result.last;
    this.delivery.deliver(stream);
  }

  /** The session has been deleted, unless Redis has lost everything: that shows in the epoch of the broadcasts. */
  private async applyGone(stream: HeldStream): Promise<void> {
    await this.broadcaster.catchUp();
    if (!stream.connection) return;
    if (stream.knownSince === this.delivery.broadcasts.epoch) this.delivery.drop(stream);
    else await this.opening.recover(stream);
  }

  private async read(stream: HeldStream): Promise<void> {
    const { session, field, epoch, delivered, deliveredAt } = stream;
    const stored = await this.directory.read(session, field, epoch, delivered, deliveredAt);
    if (!stream.connection) return;
    // It has changed just now: the next check says how.
    if (!stored) return this.soon(stream);
    const firstKept = stored.last - stored.events.length + 1;
    if (firstKept > stream.delivered + 1) this.delivery.tellLost(stream, firstKept - 1);
    for (const event of stored.events) stream.offer({ epoch, ...event });
    if (stored.hasEnded) stream.endsAt = stored.last;
  }
}
