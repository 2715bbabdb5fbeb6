import { randomUUID } from 'node:crypto';
import type { RedisArgument, RedisConnection, RedisScript } from '../../redis/redis-connection.interface.js';
import { RequestBatch } from '../../redis/request-batch.js';
import { CHECK_STREAMS } from '../../redis/scripts/check-streams.lua.js';
import { DELETE_STREAMS } from '../../redis/scripts/delete-streams.lua.js';
import { DISMISS_STREAM } from '../../redis/scripts/dismiss-stream.lua.js';
import { READ_EVENTS } from '../../redis/scripts/read-events.lua.js';
import { RELEASE_STREAMS } from '../../redis/scripts/release-streams.lua.js';
import { STREAM_POSITION } from '../../redis/scripts/stream-position.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { inBatches } from './in-batches.js';
import { repeatedCall } from './repeated-call.js';
import type { RedisClock } from './redis-clock.js';
import type { RedisStreamSettings } from './settings.js';
import { storedEvents } from './stored-events.js';
import { StreamAttachments } from './stream-attachments.js';
import type {
  AttachRequest,
  StoredEvent,
  Attachment,
  AttachRefusal,
  StreamCheck,
  CheckedStream,
  Release,
} from './stream-directory.interface.js';

/** Streams that one script looks after: more would keep others waiting. */
const STREAMS_PER_SCRIPT = 200;
/** Sessions whose streams one script deletes. */
const DELETIONS_PER_SCRIPT = 64;

interface Deletion {
  session: string;
  leavesUnanswered: boolean;
}

interface Deleted {
  streams: { field: string; epoch: string }[];
  /** Streams that were left alone. */
  left: number;
}

/** What a stream's record says, as far as it is asked for here. */
interface RecordWords {
  /** `e`: the stream has ended; `undefined`: there is no such stream. */
  state: string | undefined;
  /** The instance, or `-`. */
  holder: string;
  /** Whether it was there when it was last told of events. */
  isHeard: boolean;
  /** When the last event was appended, in milliseconds since the epoch. */
  at: number;
  claim: string | undefined;
}

/** Which instance holds which stream, and what each stream keeps: as Redis has it. */
export class StreamDirectory {
  private readonly attachments: StreamAttachments;
  private readonly deletions: RequestBatch<Deletion, Deleted>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
    private readonly clock: RedisClock,
  ) {
    this.attachments = new StreamAttachments(redis, keys, settings);
    const most = redis.isCluster ? 1 : DELETIONS_PER_SCRIPT;
    this.deletions = new RequestBatch((deletions) => this.deleteAll(deletions), most);
  }

  /** Takes a stream over. @returns why not, if that is not possible */
  attach(request: AttachRequest): Promise<Attachment | AttachRefusal> {
    return this.attachments.attach(request);
  }

  /** Where the stream's next connection goes on. */
  async position(session: string, field: string, broadcast: string): Promise<[string, number, string]> {
    const { ttlMs, instanceId } = this.settings;
    const args = [field, newEpoch(), broadcast, ttlMs, this.keys.logs(session), instanceId];
    const answer = await this.run(STREAM_POSITION, this.keysOf(session, field), args);
    return answer as [string, number, string];
  }

  /** What the log has behind an offset; `undefined` if it is no longer that log. */
  async read(
    session: string,
    field: string,
    epoch: string,
    offset: number,
    at: number,
  ): Promise<{ last: number; hasEnded: boolean; events: StoredEvent[] } | undefined> {
    const keys = this.keysOf(session, field);
    const answer = await this.run(READ_EVENTS, keys, [field, epoch, offset, at]);
    const [last, ended, ...entries] = answer as [number?, number?, ...string[]];
    if (last === undefined) return undefined;
    return { last, hasEnded: ended === 1, events: storedEvents(entries, last) };
  }

  /** Compares streams that this instance holds with what Redis knows of them. */
  async check(streams: CheckedStream[]): Promise<StreamCheck[]> {
    const { instanceId, ttlMs } = this.settings;
    const batches = inBatches(streams, this.perScript, (batch) =>
      this.run(
        CHECK_STREAMS,
        batch.flatMap(({ session, field }) => this.keysOf(session, field)),
        [
          ...[instanceId, ttlMs],
          ...batch.flatMap((stream) => {
            const { field, generation, claim, epoch, delivered, deliveredAt } = stream;
            return [field, generation, claim, epoch, delivered, deliveredAt];
          }),
        ],
      ),
    );
    return ((await batches) as number[][]).flat().map(streamCheckOf);
  }

  /** Lets go of streams, unless they have been taken over. */
  async release(releases: Release[]): Promise<void> {
    const { instanceId, replay } = this.settings;
    await inBatches(releases, this.perScript, (batch) =>
      this.run(
        RELEASE_STREAMS,
        batch.map(({ session }) => this.keys.streams(session)),
        [
          ...[instanceId, replay ? 0 : 1],
          ...batch.map(
            ({ field, claim, position }) =>
              `${field} ${claim} ${position?.delivered ?? '-'} ${position?.broadcast ?? '-'}`,
          ),
        ],
      ),
    );
  }

  /**
   * Has the connection closed that holds the stream, wherever it is.
   *
   * @param broadcast the last broadcast that this instance knows
   */
  async dismiss(session: string, field: string, broadcast: string): Promise<void> {
    const args = [session, field, this.keys.channelPrefix, broadcast];
    await this.run(DISMISS_STREAM, [this.keys.streams(session)], args);
  }

  /** Ends the session's streams, and forgets what was kept for it; on some, others may have to answer before. */
  delete(session: string, leavesUnanswered: boolean): Promise<Deleted> {
    return this.deletions.request({ session, leavesUnanswered });
  }

  /**
   * The instance that a connection holds the stream on; `undefined` if nobody does. One that was not there to be told of
   * an event has two heartbeats to come back and say that it does.
   */
  async holder(session: string, field: string): Promise<string | undefined> {
    const { holder, isHeard, at } = await this.record(session, field);
    const isMissing = !isHeard && this.clock.now() - at > 2 * this.settings.heartbeatMs;
    return holder === '-' || isMissing ? undefined : holder;
  }

  /** Whether the stream is there and has ended. */
  async hasEnded(session: string, field: string): Promise<boolean> {
    return (await this.record(session, field)).state === 'e';
  }

  /** The claim by which this instance holds the stream, as Redis believes; `undefined` if it does not. */
  async ownClaim(session: string, field: string): Promise<string | undefined> {
    const { holder, claim } = await this.record(session, field);
    return holder === this.settings.instanceId ? claim : undefined;
  }

  /** Words of a stream's record, as `stream-record.lua.ts` has them. */
  private async record(session: string, field: string): Promise<RecordWords> {
    const hash = this.keys.streams(session);
    const record = (await this.redis.command(hash, 'HGET', hash, field)) as string | null;
    const [, at, state, , , holder = '-', , , claim] = record?.split(' ') ?? [];
    const isHeard = !holder.startsWith('~');
    return { state, holder: isHeard ? holder : holder.slice(1), isHeard, at: Number(at), claim };
  }

  private async deleteAll(deletions: Deletion[]): Promise<Deleted[]> {
    const { instanceId } = this.settings;
    const keys = deletions.flatMap(({ session }) => [
      this.keys.streams(session),
      this.keys.requests(session),
    ]);
    const args = deletions.flatMap(({ session, leavesUnanswered }) => [
      ...[session, this.keys.logs(session), leavesUnanswered ? 1 : 0],
    ]);
    const answers = await this.run(DELETE_STREAMS, keys, [instanceId, this.keys.channelPrefix, ...args]);
    return (answers as [number, ...string[]][]).map(([left, ...words]) => ({
      left,
      streams: Array.from({ length: words.length / 2 }, (_, index) => ({
        field: words[2 * index]!,
        epoch: words[2 * index + 1]!,
      })),
    }));
  }

  private keysOf(session: string, field: string): string[] {
    return [this.keys.streams(session), this.keys.logs(session) + field];
  }

  /** All of these scripts may run twice. None overtakes a takeover that was asked for before it. */
  private run(script: RedisScript, keys: string[], args: RedisArgument[]): Promise<unknown> {
    this.attachments.flush();
    return repeatedCall(this.redis, () => this.redis.run(script, keys, args));
  }

  /** In a Cluster, a script touches the keys of one session only. */
  private get perScript(): number {
    return this.redis.isCluster ? 1 : STREAMS_PER_SCRIPT;
  }
}

/** Random, since it is part of the event ids: a counter would tell a client how busy the others are. */
export function newEpoch(): string {
  return randomWord();
}

/** Tells one connection to a stream from the others. */
export function newClaim(): string {
  return randomWord();
}

/** 48 random bits: the last digits of a UUID, since Node takes many of those from the system at once. */
function randomWord(): string {
  return randomUUID().slice(-12);
}

function streamCheckOf(answer: number): StreamCheck {
  if (answer === -1) return 'gone';
  if (answer === -2) return 'taken';
  if (answer === -3) return 'changed';
  return answer < 0 ? { last: -4 - answer, hasEnded: true } : { last: answer, hasEnded: false };
}
