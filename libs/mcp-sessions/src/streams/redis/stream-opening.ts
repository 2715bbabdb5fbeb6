import type { EventPosition } from '../event-id.js';
import { endConnection, isSlow } from '../replay.js';
import { InvalidEventIdError, StreamContendedError, StreamLostError } from '../stream-manager.errors.js';
import { MAIN_STREAM_KEY, type StreamController, type StreamRef } from '../stream-manager.interface.js';
import { parsePosition } from './broadcast-mirror.js';
import type { Broadcaster } from './broadcaster.js';
import { HeldStream, parseEpochs } from './held-stream.js';
import type { StreamDelivery } from './stream-delivery.js';
import type { Attachment, AttachRequest, StreamDirectory } from './stream-directory.js';

/** A place in both logs, as a client names it. */
interface Place {
  epoch: string;
  offset: number;
  broadcastEpoch: string;
  broadcast: number;
}

/** Attaches connections to streams: takes the stream over in Redis, replays, then follows. */
export class StreamOpening {
  constructor(
    private readonly directory: StreamDirectory,
    private readonly delivery: StreamDelivery,
    private readonly broadcaster: Broadcaster,
  ) {}

  /** @throws InvalidEventIdError, StreamLostError, StreamContendedError as `ResumableStreamManager.open` */
  async open(
    ref: StreamRef,
    session: string,
    field: string,
    controller: StreamController,
    position: EventPosition | undefined,
  ): Promise<void> {
    const place = position && (await this.placeOf(ref, position));
    const former = this.delivery.held.find(session, field);
    const attachment = await this.attach(
      session,
      field,
      {
        session,
        field,
        isMain: ref.key === MAIN_STREAM_KEY,
        mode: place ? 'after' : 'follow',
        epoch: place?.epoch,
        offset: place?.offset,
        broadcast: this.delivery.broadcasts.position,
        force: former?.connection && isSlow(former.connection),
      },
      (answer) => this.admit(ref, session, field, controller, place, answer),
    );
    if (attachment === 'invalid') throw new InvalidEventIdError();
    if (attachment === 'contended') throw new StreamContendedError();
    if (attachment === 'gone') {
      this.delivery.eventsLost += 1;
      throw new StreamLostError(ref);
    }
  }

  /**
   * Makes Redis know again a stream that is held here, after Redis lost it. What it lost nobody knows: the client is
   * told, and gets what has come since.
   */
  async recover(stream: HeldStream): Promise<void> {
    const { ref, session, field, epoch, delivered: offset, deliveredAt: at } = stream;
    const request = {
      session,
      field,
      isMain: ref.key === MAIN_STREAM_KEY,
      mode: 'recover',
      epoch,
      offset,
      at,
    } as const;
    const broadcast = this.delivery.broadcasts.position;
    const answer = await this.attach(session, field, { ...request, broadcast }, (attachment) => {
      const { connection } = stream;
      if (!connection || this.delivery.held.find(session, field) !== stream) return;
      const successor = this.heldStream(ref, session, field, connection, attachment, attachment.start);
      successor.deliveredBroadcast = stream.deliveredBroadcast;
      stream.connection = undefined;
      this.follow(successor, attachment, true);
    });
    if (answer !== 'taken') return;
    const { connection } = stream;
    this.delivery.forget(stream);
    endConnection(connection);
  }

  /** Takes the stream over; what comes for it meanwhile waits until `admit` has been called. */
  private async attach(
    session: string,
    field: string,
    request: AttachRequest,
    admit: (attachment: Attachment) => void,
  ): Promise<Attachment | 'invalid' | 'gone' | 'contended' | 'taken'> {
    const { held } = this.delivery;
    held.beginAttaching(session, field);
    try {
      const attachment = await this.directory.attach(request);
      if (typeof attachment === 'object') admit(attachment);
      return attachment;
    } finally {
      held.endAttaching(session, field);
    }
  }

  private admit(
    ref: StreamRef,
    session: string,
    field: string,
    controller: StreamController,
    place: Place | undefined,
    attachment: Attachment,
  ): void {
    const { held, broadcasts } = this.delivery;
    const former = held.find(session, field);
    // A connection that came later was quicker: it has the stream.
    if (former && former.generation > attachment.generation) return endConnection(controller);
    const formerConnection = former?.connection;
    if (former && !place && former.epoch === attachment.epoch) {
      // What has been handed out here is known better than Redis knows it.
      former.connection = controller;
      former.generation = attachment.generation;
      if (formerConnection !== controller) endConnection(formerConnection);
      this.delivery.deliver(former);
      return;
    }
    if (former) this.delivery.forget(former);
    if (formerConnection !== controller) endConnection(formerConnection);

    const stream = this.heldStream(ref, session, field, controller, attachment, attachment.start);
    const [broadcast, isKnown] = this.broadcastOf(place, attachment);
    stream.deliveredBroadcast = broadcast;
    broadcasts.log.trim(Date.now());
    const isMain = ref.key === MAIN_STREAM_KEY;
    const lacksBroadcasts = isMain && (!isKnown || !broadcasts.log.reachesBackTo(broadcast));
    this.follow(stream, attachment, attachment.isLost || lacksBroadcasts);
  }

  private heldStream(
    ref: StreamRef,
    session: string,
    field: string,
    connection: StreamController,
    { epoch, generation }: Attachment,
    delivered: number,
  ): HeldStream {
    const { broadcasts } = this.delivery;
    const last = broadcasts.log.last;
    return new HeldStream(ref, session, field, epoch, generation, connection, delivered, last, broadcasts);
  }

  /** Replays what the log had, and from now on hands out what comes. */
  private follow(stream: HeldStream, { events, last, hasEnded }: Attachment, isLost: boolean): void {
    const { epoch } = stream;
    this.delivery.held.add(stream);
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
