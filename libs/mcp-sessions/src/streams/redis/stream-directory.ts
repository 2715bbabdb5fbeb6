import { randomBytes } from 'node:crypto';
import type { RedisConnection } from '../../redis/redis-connection.interface.js';
import { ATTACH_STREAM } from '../../redis/scripts/attach-stream.lua.js';
import { CHECK_STREAMS } from '../../redis/scripts/check-streams.lua.js';
import { DELETE_STREAMS } from '../../redis/scripts/delete-streams.lua.js';
import { DISMISS_STREAM } from '../../redis/scripts/dismiss-stream.lua.js';
import { READ_EVENTS } from '../../redis/scripts/read-events.lua.js';
import { RELEASE_STREAMS } from '../../redis/scripts/release-streams.lua.js';
import { STREAM_POSITION } from '../../redis/scripts/stream-position.lua.js';
import type { StreamKeys } from '../../redis/stream-keys.js';
import { bytesOf } from '../sse-frame.js';
import { MAX_TAKEOVERS, TAKEOVER_WINDOW_MS } from '../takeover-guard.js';
import { inBatches } from './in-batches.js';
import type { RedisStreamSettings } from './settings.js';

/** Streams that one script looks after: more would keep others waiting. */
const STREAMS_PER_SCRIPT = 200;

/** Where a connection goes on in a stream. */
export interface AttachRequest {
  session: string;
  field: string;
  isMain: boolean;
  /** `follow`: behind what was last delivered; `after`, `recover`: behind `offset` of the log `epoch`. */
  mode: 'follow' | 'after' | 'recover';
  epoch?: string;
  offset?: number;
  /** When the event at `offset` was appended, for `recover`. */
  at?: number;
  /** The last broadcast that this instance knows. */
  broadcast: string;
  /** Whether a newcomer takes the stream however often it has changed hands. */
  force?: boolean;
}

/** An event as the log keeps it. */
export interface StoredEvent {
  offset: number;
  at: number;
  broadcast: string;
  data: string;
}

/** A stream that has been taken over, and what its connection has not had. */
export interface Attachment {
  epoch: string;
  generation: number;
  /** The offset to go on behind. */
  start: number;
  /** The broadcast to go on behind; `undefined`: from now on. */
  broadcast: string | undefined;
  last: number;
  hasEnded: boolean;
  isLost: boolean;
  events: StoredEvent[];
}

/** What Redis says of a stream that this instance holds. */
export type StreamCheck = { last: number; hasEnded: boolean } | 'lost' | 'taken';

/** A stream that this instance lets go of. */
export interface Release {
  session: string;
  field: string;
  generation: number;
  delivered: number;
  broadcast: string;
}

/** Which instance holds which stream, and what each stream keeps: as Redis has it. */
export class StreamDirectory {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: StreamKeys,
    private readonly settings: RedisStreamSettings,
  ) {}

  /** Takes a stream over. @returns why not, if that is not possible */
  async attach(request: AttachRequest): Promise<Attachment | 'invalid' | 'gone' | 'contended' | 'taken'> {
    const { session, field, isMain, mode, epoch = '-', offset = 0, at = 0, broadcast, force } = request;
    const { instanceId, maxAgeMs, ttlMs } = this.settings;
    const isGuarded = isMain && !force && mode !== 'recover';
    const answer = (await this.redis.run(ATTACH_STREAM, this.keysOf(session, field), [
      ...[session, field, instanceId, mode, epoch, offset, at, newEpoch(), broadcast, maxAgeMs, ttlMs],
      ...[this.keys.channelPrefix, isGuarded ? MAX_TAKEOVERS : 0, TAKEOVER_WINDOW_MS, isMain ? 1 : 0],
      this.keys.logs(session),
    ])) as [string, string, number, number, string, number, number, number, ...string[]];
    const [status, ownEpoch, generation, start, lastBroadcast, last, ended, lost, ...entries] = answer;
    if (status !== 'attached') return status as 'invalid' | 'gone' | 'contended' | 'taken';
    return {
      epoch: ownEpoch,
      generation,
      start,
      broadcast: lastBroadcast === '-' ? undefined : lastBroadcast,
      last,
      hasEnded: ended === 1,
      isLost: lost === 1,
      events: storedEvents(entries, last),
    };
  }

  /** Where the stream's next connection goes on. */
  async position(session: string, field: string, broadcast: string): Promise<[string, number, string]> {
    const args = [field, newEpoch(), broadcast, this.settings.ttlMs, this.keys.logs(session)];
    const answer = await this.redis.run(STREAM_POSITION, this.keysOf(session, field), args);
    return answer as [string, number, string];
  }

  /** What the log has behind an offset; `undefined` if it is no longer that log. */
  async read(
    session: string,
    field: string,
    epoch: string,
    offset: number,
  ): Promise<{ last: number; hasEnded: boolean; events: StoredEvent[] } | undefined> {
    const keys = this.keysOf(session, field);
    const answer = await this.redis.run(READ_EVENTS, keys, [field, epoch, offset]);
    const [last, ended, ...entries] = answer as [number?, number?, ...string[]];
    if (last === undefined) return undefined;
    return { last, hasEnded: ended === 1, events: storedEvents(entries, last) };
  }

  /** Compares streams that this instance holds with what Redis knows of them. */
  async check(
    streams: {
      session: string;
      field: string;
      generation: number;
      epoch: string;
      delivered: number;
      deliveredAt: number;
    }[],
  ): Promise<StreamCheck[]> {
    const { instanceId, ttlMs } = this.settings;
    const batches = inBatches(streams, this.perScript, (batch) =>
      this.redis.run(
        CHECK_STREAMS,
        batch.flatMap(({ session, field }) => this.keysOf(session, field)),
        [
          ...[instanceId, ttlMs],
          ...batch.flatMap((stream) => {
            const { field, generation, epoch, delivered, deliveredAt } = stream;
            return [field, generation, epoch, delivered, deliveredAt];
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
      this.redis.run(
        RELEASE_STREAMS,
        batch.map(({ session }) => this.keys.streams(session)),
        [
          ...[instanceId, replay ? 0 : 1],
          ...batch.flatMap(({ field, generation, delivered, broadcast }) => [
            ...[field, generation, delivered, broadcast],
          ]),
        ],
      ),
    );
  }

  /** Has the connection closed that holds the stream, wherever it is. */
  async dismiss(session: string, field: string): Promise<void> {
    const args = [session, field, this.keys.channelPrefix];
    await this.redis.run(DISMISS_STREAM, [this.keys.streams(session)], args);
  }

  /** Ends the session's streams, and forgets what was kept for it. */
  async delete(session: string): Promise<void> {
    const args = [session, this.settings.instanceId, this.keys.channelPrefix, this.keys.logs(session)];
    await this.redis.run(DELETE_STREAMS, [this.keys.streams(session), this.keys.requests(session)], args);
  }

  /** The instance that holds the stream; `undefined` if nobody does. */
  async holder(session: string, field: string): Promise<string | undefined> {
    const hash = this.keys.streams(session);
    const record = (await this.redis.command(hash, 'HGET', hash, field)) as string | null;
    const holder = record?.split(' ')[2];
    return holder === '-' ? undefined : holder;
  }

  private keysOf(session: string, field: string): string[] {
    return [this.keys.streams(session), this.keys.logs(session) + field];
  }

  /** In a Cluster, a script touches the keys of one session only. */
  private get perScript(): number {
    return this.redis.isCluster ? 1 : STREAMS_PER_SCRIPT;
  }
}

/** Random, since it is part of the event ids: a counter would tell a client how busy the others are. */
export function newEpoch(): string {
  return randomBytes(6).toString('hex');
}

function streamCheckOf(answer: number): StreamCheck {
  if (answer === -1) return 'lost';
  if (answer === -2) return 'taken';
  return answer < 0 ? { last: -3 - answer, hasEnded: true } : { last: answer, hasEnded: false };
}

/** The newest entry has the offset `last`. Each is the time and the broadcast before it, a line feed, and the text. */
function storedEvents(entries: string[], last: number): StoredEvent[] {
  return entries.map((entry, index) => {
    const separator = entry.indexOf('\n');
    const [at, broadcast] = entry.slice(0, separator).split(' ');
    return {
      offset: last - entries.length + 1 + index,
      at: Number(at),
      broadcast: broadcast!,
      data: bytesOf(entry.slice(separator + 1)),
    };
  });
}
