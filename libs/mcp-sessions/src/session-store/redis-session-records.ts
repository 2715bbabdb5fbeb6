import { createHash } from 'node:crypto';
import type { RedisConnection } from '../redis/redis-connection.interface.js';
import { RequestBatch } from '../redis/request-batch.js';
import { SET_SESSIONS } from '../redis/scripts/set-sessions.lua.js';
import { TOUCH_SESSIONS } from '../redis/scripts/touch-sessions.lua.js';
import { UPDATE_SESSION } from '../redis/scripts/update-session.lua.js';
import type { EncodedPatch } from './redis-session-record.js';
import { available } from './redis-store-availability.js';

/**
 * The most sessions that one command is about: none keeps the server from others for long, and with a few commands
 * under way the server works on one while this process works on the answer to another.
 */
const SESSIONS_AT_ONCE = 32;

type Answer = string | null;

/** A record as it goes to Redis. */
export interface RecordToWrite {
  key: string;
  record: string;
  lifetimeMs: number;
}

/**
 * The records of sessions in Redis. What is asked for at one time travels together, where one command can do it, and
 * nothing overtakes what was written before. Everything rejects with `SessionStoreUnavailableError` when Redis does not
 * answer.
 */
export class RedisSessionRecords {
  private readonly reads: RequestBatch<string, Answer>;
  private readonly touches: RequestBatch<string, Answer>;
  private readonly writes: RequestBatch<RecordToWrite, unknown>;

  constructor(private readonly redis: RedisConnection) {
    // The keys of one command have to be in one slot of a Cluster.
    const most = redis.isCluster ? 1 : SESSIONS_AT_ONCE;
    this.reads = new RequestBatch((keys) => available(this.readAll(keys)), most);
    this.touches = new RequestBatch((keys) => available(this.touchAll(keys)), most);
    this.writes = new RequestBatch((records) => available(this.writeAll(records)), most);
  }

  read(key: string): Promise<Answer> {
    return this.reads.request(key);
  }

  touch(key: string): Promise<Answer> {
    return this.touches.request(key);
  }

  write(record: RecordToWrite): Promise<unknown> {
    return this.writes.request(record);
  }

  async update(key: string, patch: EncodedPatch): Promise<Answer> {
    return (await this.replace(key, patch, '')) as Answer;
  }

  /**
   * Updates the record with what `change` makes of it; again, as long as another one comes in between.
   *
   * @param change answers `undefined` to leave the record as it is
   */
  async modify(key: string, change: (record: string) => EncodedPatch | undefined): Promise<Answer> {
    let record = await this.read(key);
    for (let before: Answer = null; record !== null;) {
      const patch = change(record);
      if (!patch) return record;
      // Bytes that are no text never compare equal to what was read of them.
      const sha1 = record === before ? '' : createHash('sha1').update(record).digest('hex');
      const answer = await this.replace(key, patch, sha1);
      if (!Array.isArray(answer)) return answer;
      [before, record] = [record, answer[0]];
    }
    return null;
  }

  async remove(key: string): Promise<void> {
    this.writes.flush();
    await available(this.redis.command(key, 'unlink', key));
  }

  private async replace(
    key: string,
    { lastAccessedAt, fields }: EncodedPatch,
    sha1: string,
  ): Promise<Answer | [string]> {
    this.writes.flush();
    const args = [lastAccessedAt ?? '', sha1, ...fields];
    return (await available(this.redis.run(UPDATE_SESSION, [key], args))) as Answer | [string];
  }

  private async readAll(keys: string[]): Promise<Answer[]> {
    this.writes.flush();
    // Unlike GET, which takes exception to keys of another type.
    return (await this.redis.command(keys[0], 'mget', ...keys)) as Answer[];
  }

  private async touchAll(keys: string[]): Promise<Answer[]> {
    this.writes.flush();
    return (await this.redis.run(TOUCH_SESSIONS, keys, [Date.now()])) as Answer[];
  }

  private async writeAll(records: RecordToWrite[]): Promise<unknown[]> {
    if (records.length === 1) {
      const { key, record, lifetimeMs } = records[0]!;
      return [await this.redis.command(key, 'set', key, record, 'px', lifetimeMs)];
    }
    const keys = records.map(({ key }) => key);
    const args = records.flatMap(({ record, lifetimeMs }) => [record, lifetimeMs]);
    // By its text: a script that the server does not know by its hash would go there again, behind later writes.
    await this.redis.command(keys[0], 'eval', SET_SESSIONS.text, keys.length, ...keys, ...args);
    return records;
  }
}
