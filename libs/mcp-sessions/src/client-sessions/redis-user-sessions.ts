import type { RedisArgument, RedisConnection, RedisScript } from '../redis/redis-connection.interface.js';
import { RequestBatch } from '../redis/request-batch.js';
import { partsOf } from './parts-of.js';
import { formatRecord, parseRecord, type RedisSessionRecord } from './redis-session-record.js';
import type { RedisUserIndex } from './redis-user-index.js';
import type { RedisUserKeys } from './redis-user-keys.js';
import { CREATE_SESSIONS } from './scripts/create-sessions.lua.js';
import { DELETE_SESSIONS } from './scripts/delete-sessions.lua.js';
import { LIST_IDS } from './scripts/list-ids.lua.js';
import { READ_SESSIONS } from './scripts/read-sessions.lua.js';
import { REPLACE_SESSIONS } from './scripts/replace-sessions.lua.js';
import { USE_SESSIONS } from './scripts/use-sessions.lua.js';
import { endOf, oldestRecordedUse, type SessionLifetimes } from './session-rules.js';

/** The most sessions that one command is about: none keeps the server from others for long. */
const SESSIONS_AT_ONCE = 32;

/** Of so many users the ids are listed by one command. */
const USERS_AT_ONCE = 25;

/** Whose session, and which: encoded ids. */
interface SessionKey {
  user: string;
  id: string;
}

interface Creation {
  user: string;
  record: RedisSessionRecord;
}

interface Replacement extends Creation {
  /** The revision of the record that was read. */
  read: string;
}

/**
 * The records of users' sessions in Redis. User and session ids are encoded ones. What is asked for at one time travels
 * together, where one command can do it.
 */
export class RedisUserSessions {
  private readonly reads: RequestBatch<SessionKey, string | null>;
  private readonly creations: RequestBatch<Creation, number>;
  private readonly replacements: RequestBatch<Replacement, number>;
  private readonly deletions: RequestBatch<SessionKey, unknown>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: RedisUserKeys,
    private readonly index: RedisUserIndex,
    private readonly lifetimes: SessionLifetimes,
    private readonly now: () => number,
  ) {
    // The keys of one command have to be in one slot of a Cluster.
    const most = redis.isCluster ? 1 : SESSIONS_AT_ONCE;
    this.reads = new RequestBatch((sessions) => this.readBatch(sessions), most);
    this.creations = new RequestBatch((creations) => this.createBatch(creations), most);
    this.replacements = new RequestBatch((replacements) => this.replaceBatch(replacements), most);
    this.deletions = new RequestBatch((sessions) => this.deleteBatch(sessions), most);
  }

  /** The record of a session. Counts as use. */
  async read(user: string, id: string): Promise<RedisSessionRecord | undefined> {
    const record = await this.reads.request({ user, id });
    return record === null ? undefined : (await this.use(user, [record]))[0];
  }

  /** The records of all sessions of a user. Counts as use. */
  async readAll(user: string): Promise<RedisSessionRecord[]> {
    const { hash } = this.keys.sessions(user);
    return this.use(user, (await this.redis.command(hash, 'hvals', hash)) as string[]);
  }

  /** @returns whether it is stored; if not, there is such a session */
  async create(user: string, record: RedisSessionRecord): Promise<boolean> {
    return (await this.creations.request({ user, record })) === 1;
  }

  /** @returns `false` if the record is not the one that was read any more, `undefined` if there is none */
  async replace(
    user: string,
    read: RedisSessionRecord,
    record: RedisSessionRecord,
  ): Promise<boolean | undefined> {
    const outcome = await this.replacements.request({ user, record, read: read.revision });
    return outcome === -1 ? undefined : outcome === 1;
  }

  async delete(user: string, id: string): Promise<void> {
    await this.deletions.request({ user, id });
  }

  /** The encoded ids of the sessions of these users. */
  async listIds(users: string[]): Promise<string[]> {
    const parts = partsOf(users, this.redis.isCluster ? 1 : USERS_AT_ONCE);
    const answers = await Promise.all(
      parts.map((part) => {
        const ends = part.map((user) => this.keys.sessions(user).ends);
        return this.redis.run(LIST_IDS, ends, [this.now()]) as Promise<string[]>;
      }),
    );
    return answers.flat().flatMap((ids) => ids.split('\n').slice(0, -1));
  }

  /** Of records that were read, those of sessions that have not ended; their use is recorded where that is due. */
  private async use(user: string, read: string[]): Promise<RedisSessionRecord[]> {
    const now = this.now();
    const oldestEnd = endOf(undefined, oldestRecordedUse(now, this.lifetimes), this.lifetimes);
    const records: RedisSessionRecord[] = [];
    const due: string[] = [];
    for (const text of read) {
      const record = parseRecord(text);
      if (record.end <= now) continue;
      if (record.isActive && record.end < oldestEnd) due.push(record.id);
      else records.push(record);
    }
    if (due.length === 0) return records;
    const args = [now, endOf(undefined, now, this.lifetimes), ...due];
    const used = (await this.redis.run(USE_SESSIONS, this.keys.both(user), args)) as (string | null)[];
    return [...records, ...used.filter((record) => record !== null).map(parseRecord)];
  }

  private async readBatch(sessions: SessionKey[]): Promise<(string | null)[]> {
    const hashes = sessions.map(({ user }) => this.keys.sessions(user).hash);
    const ids = sessions.map(({ id }) => id);
    if (sessions.length > 1) return (await this.redis.run(READ_SESSIONS, hashes, ids)) as (string | null)[];
    return [(await this.redis.command(hashes[0], 'hget', hashes[0]!, ids[0]!)) as string | null];
  }

  private createBatch(creations: Creation[]): Promise<number[]> {
    const args = creations.flatMap(({ record }) => [record.id, formatRecord(record)]);
    return this.write(CREATE_SESSIONS, creations, args, creations);
  }

  private replaceBatch(replacements: Replacement[]): Promise<number[]> {
    const args = replacements.flatMap(({ record, read }) => [record.id, formatRecord(record), read]);
    // Of what the index does not know yet, only an earlier end than before is news.
    const news = replacements.filter(({ record }) => !record.isActive);
    return this.write(REPLACE_SESSIONS, replacements, args, news);
  }

  private async deleteBatch(sessions: SessionKey[]): Promise<unknown[]> {
    const ids = sessions.map(({ id }) => id);
    await this.redis.run(DELETE_SESSIONS, this.keysOf(sessions), ids);
    return sessions;
  }

  /** Runs a script that writes records, and tells the index before, so that no session goes unnoticed. */
  private async write(
    script: RedisScript,
    written: Creation[],
    args: RedisArgument[],
    news: Creation[],
  ): Promise<number[]> {
    const noted = this.index.note(news.map(({ user, record }) => ({ user, end: record.end })));
    // One server does what it is told in order; those of a Cluster do not.
    if (this.redis.isCluster) await noted;
    const [answer] = await Promise.all([
      this.redis.run(script, this.keysOf(written), [this.now(), ...args]),
      noted,
    ]);
    return answer as number[];
  }

  private keysOf(sessions: { user: string }[]): string[] {
    return sessions.flatMap(({ user }) => this.keys.both(user));
  }
}
