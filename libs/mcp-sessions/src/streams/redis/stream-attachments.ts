import type { RedisArgument, RedisConnection } from '../../redis/redis-connection.interface.js';
import { RequestBatch } from '../../redis/request-batch.js';
import { ATTACH_STREAMS } from '../../redis/scripts/attach-streams.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { MAX_TAKEOVERS, TAKEOVER_WINDOW_MS } from '../takeover-guard.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisStreamSettings } from './settings.js';
import type { Attachment, AttachRefusal, AttachRequest } from './stream-directory.interface.js';
import { storedEvents } from './stored-events.js';

/** Streams that one script attaches: few enough that Redis has some to attach while the others are opened here. */
const STREAMS_PER_SCRIPT = 32;
/** Bytes of events after which a script attaches no more streams: reading them keeps others waiting. */
const EVENT_BYTES_PER_SCRIPT = 256 * 1024;

/** Takes streams over: those of one turn of the event loop with one script. */
export class StreamAttachments {
  private readonly batch: RequestBatch<AttachRequest, Attachment | AttachRefusal>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
  ) {
    // In a Cluster, a script touches the keys of one session only.
    const most = redis.isCluster ? 1 : STREAMS_PER_SCRIPT;
    this.batch = new RequestBatch((requests) => this.attachAll(requests), most);
  }

  /** @returns why the stream cannot be taken over, if so */
  attach(request: AttachRequest): Promise<Attachment | AttachRefusal> {
    return this.batch.request(request);
  }

  /** Sends what waits, before anything that is sent after this call. */
  flush(): void {
    this.batch.flush();
  }

  private async attachAll(requests: AttachRequest[]): Promise<(Attachment | AttachRefusal)[]> {
    const attachments: (Attachment | AttachRefusal)[] = [];
    // Each script attaches at least one stream.
    while (attachments.length < requests.length) {
      const answer = await this.run(requests.slice(attachments.length));
      for (let next = 0; next < answer.length;) {
        const attachment = this.attachmentOf(requests[attachments.length]!, answer, next);
        attachments.push(attachment);
        next += 1 + (typeof attachment === 'object' ? attachment.events.length : 0);
      }
    }
    return attachments;
  }

  /** The script may run twice: claims say what has been attached before. */
  private run(requests: AttachRequest[]): Promise<string[]> {
    const { instanceId, maxAgeMs, ttlMs } = this.settings;
    const keys: string[] = [];
    const args: RedisArgument[] = [instanceId, maxAgeMs, ttlMs, this.keys.channelPrefix];
    args.push(TAKEOVER_WINDOW_MS, EVENT_BYTES_PER_SCRIPT);
    for (const request of requests) {
      const { session, field } = request;
      keys.push(this.keys.streams(session), this.keys.logs(session) + field);
      args.push(lineOf(request));
    }
    return repeatedCall(this.redis, () => this.redis.run(ATTACH_STREAMS, keys, args) as Promise<string[]>);
  }

  /** Reads the line at `index`, and the events that follow it. */
  private attachmentOf(
    { newEpoch }: AttachRequest,
    answer: string[],
    index: number,
  ): Attachment | AttachRefusal {
    const [status, ...words] = answer[index]!.split(' ');
    if (status === 'new') return beginningOf(newEpoch, this.settings.instanceId);
    if (status !== 'attached') return status as AttachRefusal;
    const [epoch, generation, start, broadcast, last, ended, lost, startAt, origin, count] = words as Words;
    const entries = answer.slice(index + 1, index + 1 + Number(count));
    return {
      epoch,
      generation: Number(generation),
      start: Number(start),
      broadcast: broadcast === '-' ? undefined : broadcast,
      last: Number(last),
      hasEnded: ended === '1',
      isLost: lost === '1',
      startAt: Number(startAt),
      origin,
      events: storedEvents(entries, Number(last)),
    };
  }
}

type Words = [string, string, string, string, string, string, string, string, string, string];

/** A request as the script reads it. */
function lineOf(request: AttachRequest): string {
  const { session, field, claim, newEpoch, isMain, mode, force, epoch = '-', offset = 0, at = 0 } = request;
  const isGuarded = isMain && !force && mode !== 'recover';
  const whom = `${session} ${field} ${claim} ${newEpoch} ${isMain ? 1 : 0} ${isGuarded ? MAX_TAKEOVERS : 0}`;
  return `${whom} ${mode} ${epoch} ${offset} ${at}`;
}

/** A stream that nobody had before. */
function beginningOf(epoch: string, origin: string): Attachment {
  return {
    epoch,
    generation: 1,
    start: 0,
    broadcast: undefined,
    last: 0,
    hasEnded: false,
    isLost: false,
    startAt: 0,
    origin,
    events: [],
  };
}
