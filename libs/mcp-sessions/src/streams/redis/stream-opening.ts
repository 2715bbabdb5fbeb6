import { formatEventId, type EventPosition } from '../event-id.js';
import { endConnection, isSlow } from '../replay.js';
import { InvalidEventIdError, StreamContendedError, StreamLostError } from '../stream-manager.errors.js';
import {
  MAIN_STREAM_KEY,
  type EventId,
  type StreamController,
  type StreamRef,
} from '../stream-manager.interface.js';
import { parsePosition } from './broadcast-mirror.js';
import type { Broadcaster } from './broadcaster.js';
import { HeldStream, parseEpochs } from './held-stream.js';
import type { InstancePresence } from './instance-presence.js';
import type { RedisClock } from './redis-clock.js';
import type { StreamDelivery } from './stream-delivery.js';
import { newClaim, newEpoch, type StreamDirectory } from './stream-directory.js';
import type { Attachment, AttachRefusal, AttachRequest } from './stream-directory.interface.js';

/** A place in both logs, as a client names it. */
interface Place {
  epoch: string;
  offset: number;
  broadcastEpoch: string;
  broadcast: number;
}

/** A connection that is to hold a stream. */
interface Newcomer {
  ref: StreamRef;
  /** The encoded session id and stream key. */
  session: string;
  field: string;
  controller: StreamController;
  /** The event that its client has seen last. */
  position?: EventPosition;
  onPosition?: (position: EventId) => void;
}

/** Attaches connections to streams: takes the stream over in Redis, replays, then follows. */
export class StreamOpening {
  private readonly underWay = new Set<Promise<unknown>>();
  private isClosed = false;

  constructor(
    private readonly directory: StreamDirectory,
    private readonly delivery: StreamDelivery,
    private readonly broadcaster: Broadcaster,
    private readonly clock: RedisClock,
    private readonly presence: Pick<InstancePresence, 'isAlive'>,
    private readonly instanceId: string,
  ) {}

  /** @throws InvalidEventIdError, StreamLostError, StreamContendedError as `ResumableStreamManager.open` */
  async open(newcomer: Newcomer): Promise<void> {
    const { ref, session, field, position } = newcomer;
    const place = position && (await this.placeOf(ref, position));
    const former = this.delivery.held.find(session, field);
    const claim = newClaim();
    const request: AttachRequest = {
      session,
      field,
      claim,
      isMain: ref.key === MAIN_STREAM_KEY,
      mode: place ? 'after' : 'follow',
      epoch: place?.epoch,
      offset: place?.offset,
      newEpoch: newEpoch(),
      force: former?.connection && isSlow(former.connection),
    };
    let attachment: Attachment | AttachRefusal;
    try {
      attachment = await this.attach(request, (answer) => this.admit(newcomer, claim, place, answer));
    } catch (error) {
      // Redis may have heard of it all the same, now or when it is back.
      this.delivery.releases.add({ session, field, claim });
      throw error;
    }
    if (attachment === 'contended') throw new StreamContendedError();
    if (attachment === 'gone') {
      this.delivery.eventsLost += 1;
      throw new StreamLostError(ref);
    }
  }

  /** From now on nobody is admitted. Resolves when those that Redis has been asked for have been turned away. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(this.underWay);
  }

  /**
   * Makes Redis know again a stream that is held here, after Redis lost it. What it lost nobody knows: the client is
   * told, and gets what has come since.
   */
  async recover(stream: HeldStream): Promise<void> {
    if (stream.isRecovering) return;
    stream.isRecovering = true;
    const { ref, session, field, claim, epoch, delivered: offset, deliveredAt: at } = stream;
    const isMain = ref.key === MAIN_STREAM_KEY;
    const place = { epoch, offset, at, newEpoch: newEpoch() };
    const request = { session, field, claim, isMain, mode: 'recover', ...place } as const;
    try {
      const answer = await this.attach(request, (attachment) => this.readmit(stream, attachment));
      if (answer === 'taken') this.delivery.drop(stream);
    } finally {
      stream.isRecovering = false;
    }
  }

  /** Takes the stream over; what comes for it meanwhile waits until `admit` has been called. */
  private async attach(
    request: AttachRequest,
    admit: (attachment: Attachment) => void,
  ): Promise<Attachment | AttachRefusal> {
    const { session, field } = request;
    const { held } = this.delivery;
    held.beginAttaching(session, field);
    const asked = this.directory.attach(request);
    this.underWay.add(asked);
    try {
      const attachment = await asked;
      if (typeof attachment !== 'object') return attachment;
      if (await this.isOrphaned(request, attachment)) {
        this.delivery.releases.add({ session, field, claim: request.claim });
        return 'gone';
      }
      admit(attachment);
      return attachment;
    } finally {
      this.underWay.delete(asked);
      held.endAttaching(session, field);
    }
  }

  /** Whether it is the stream of a request that nobody answers any more: the instance that worked on it has died. */
  private async isOrphaned(
    { mode, isMain }: AttachRequest,
    { hasEnded, origin }: Attachment,
  ): Promise<boolean> {
    if (isMain || mode !== 'after' || hasEnded || origin === this.instanceId) return false;
    return !(await this.presence.isAlive(origin));
  }

  private admit(newcomer: Newcomer, claim: string, place: Place | undefined, attachment: Attachment): void {
    const { ref, session, field, controller } = newcomer;
    const { held, broadcasts, releases } = this.delivery;
    if (this.isClosed) {
      releases.add({ session, field, claim });
      return endConnection(controller);
    }
    const former = held.find(session, field);
    // A connection that came later was quicker: it has the stream.
    if (former && former.generation > attachment.generation) return endConnection(controller);
    const formerConnection = former?.connection;
    if (former && !place && former.epoch === attachment.epoch) {
      // What has been handed out here is known better than Redis knows it.
      former.connection = controller;
      former.generation = attachment.generation;
      former.claim = claim;
      if (formerConnection !== controller) endConnection(formerConnection);
      this.tellPosition(former, newcomer);
      this.delivery.deliver(former);
      return;
    }
    if (former) this.delivery.forget(former);
    if (formerConnection !== controller) endConnection(formerConnection);

    const [broadcast, isKnown] = this.broadcastOf(place, attachment);
    const stream = this.heldStream(ref, { session, field, claim }, controller, attachment, broadcast);
    broadcasts.log.trim(this.clock.now());
    const isMain = ref.key === MAIN_STREAM_KEY;
    const lacksBroadcasts = isMain && (!isKnown || !broadcasts.log.reachesBackTo(broadcast));
    held.add(stream);
    this.tellPosition(stream, newcomer);
    this.follow(stream, attachment, attachment.isLost || lacksBroadcasts);
  }

  /** Goes on with a connection whose stream Redis had lost. */
  private readmit(stream: HeldStream, attachment: Attachment): void {
    const { ref, session, field, claim, connection, deliveredBroadcast } = stream;
    const current = this.delivery.held.find(session, field);
    if (current === stream && connection) {
      const successor = this.heldStream(ref, stream, connection, attachment, deliveredBroadcast);
      stream.connection = undefined;
      this.delivery.held.add(successor);
      this.follow(successor, attachment, true);
    } else if (current) {
      // A connection came meanwhile: Redis now believes that this one came behind it.
      Object.assign(current, { claim, generation: attachment.generation });
    } else {
      this.delivery.releases.add({ session, field, claim });
    }
  }

  private heldStream(
    ref: StreamRef,
    { session, field, claim }: Pick<AttachRequest, 'session' | 'field' | 'claim'>,
    connection: StreamController,
    { epoch, generation, start, startAt, origin }: Attachment,
    broadcast: number,
  ): HeldStream {
    const { broadcasts } = this.delivery;
    const place = [start, startAt, broadcast, broadcasts] as const;
    const stream = new HeldStream(ref, session, field, epoch, generation, claim, connection, ...place);
    if (ref.key !== MAIN_STREAM_KEY && origin !== this.instanceId) stream.origin = origin;
    return stream;
  }

  private tellPosition(stream: HeldStream, { onPosition }: Newcomer): void {
    if (!this.delivery.keepsEvents) return;
    onPosition?.(formatEventId(stream.idPrefix, stream.delivered, stream.deliveredBroadcast));
  }

  /** Replays what the log had, and from now on hands out what comes. */
  private follow(stream: HeldStream, { events, last, hasEnded }: Attachment, isLost: boolean): void {
    const { epoch } = stream;
    if (isLost) this.delivery.tellLost(stream, last - events.length);
    for (const event of events) stream.offer({ epoch, ...event });
    if (hasEnded) stream.endsAt = last;
    this.delivery.deliver(stream);
  }

  /** The broadcast to go on behind, and whether that is a place in the log as it is now. */
  private broadcastOf(place: Place | undefined, { broadcast }: Attachment): [number, boolean] {
    const { epoch, log } = this.delivery.broadcasts;
    if (place) return place.broadcastEpoch === epoch ? [place.broadcast, true] : [0, false];
    if (broadcast === undefined) return [log.last, true];
    const position = parsePosition(broadcast);
    return position.epoch === epoch ? [position.offset, true] : [0, false];
  }

  private async placeOf(ref: StreamRef, position: EventPosition): Promise<Place> {
    const epochs = parseEpochs(position.epoch);
    if (!epochs || position.key !== ref.key) throw new InvalidEventIdError();
    const { broadcasts } = this.delivery;
    const isAhead = (): boolean =>
      epochs.broadcastEpoch === broadcasts.epoch && position.broadcast > broadcasts.log.last;
    // Another instance may know of more broadcasts than this one does yet.
    if (isAhead() || epochs.broadcastEpoch !== broadcasts.epoch) await this.broadcaster.catchUp();
    if (isAhead()) throw new InvalidEventIdError();
    const { offset, broadcast } = position;
    return { ...epochs, offset, broadcast };
  }
}
