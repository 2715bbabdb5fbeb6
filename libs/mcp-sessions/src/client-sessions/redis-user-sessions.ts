import type { RedisArgument, RedisConnection, RedisScript } from '../redis/redis-connection.interface.js';
import { RequestBatch } from '../redis/request-batch.js';
import { partsOf } from './parts-of.js';
import {
  formatPatch,
  formatRecord,
  parseRecord,
  type RedisSessionPatch,
  type RedisSessionRecord,
} from './redis-session-record.js';
import type { RedisUserIndex } from './redis-user-index.js';
import type { RedisUserKeys } from './redis-user-keys.js';
import { CREATE_SESSIONS } from './scripts/create-sessions.lua.js';
import { DELETE_SESSIONS } from './scripts/delete-sessions.lua.js';
import { LIST_IDS } from './scripts/list-ids.lua.js';
import { READ_SESSIONS } from './scripts/read-sessions.lua.js';
import { UPDATE_SESSIONS } from './scripts/update-sessions.lua.js';
import { USE_SESSIONS } from './scripts/use-sessions.lua.js';
import { damagedRecord } from './session-codec.js';
import { endOf, oldestRecordedUse, type SessionLifetimes } from './session-rules.js';

/** The most sessions that one command is about: none keeps the server from others for long. */
const SESSIONS_AT_ONCE = 32;

/** Of so many users the ids are listed by one command. */
const USERS_AT_ONCE = 25;

/** So many sessions does that command look at; users who have more are gone through in steps of so many. */
const IDS_AT_ONCE = 5_000;
const IDS_PER_STEP = 1_000;

/** Whose session, and which: encoded ids. */
interface SessionKey {
  user: string;
  id: string;
}

interface Creation {
  user: string;
  record: RedisSessionRecord;
}

interface Update {
  user: string;
  patch: RedisSessionPatch;
}

/**
 * The records of users' sessions in Redis. User and session ids are encoded ones. What is asked for at one time travels
 * together, where one command can do it.
 */
export class RedisUserSessions {
  private readonly reads: RequestBatch<SessionKey, string | null>;
  private readonly creations: RequestBatch<Creation, number>;
  private readonly updates: RequestBatch<Update, number>;
  private readonly deletions: RequestBatch<SessionKey, unknown>;

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: RedisUserKeys,
    private readonly index: RedisUserIndex,
    private readonly lifetimes: SessionLifetimes,
    private readonly sealer: string,
    private readonly now: () => number,
  ) {
    // The keys of one command have to be in one slot of a Cluster.
    const most = redis.isCluster ? 1 : SESSIONS_AT_ONCE;
    this.reads = new RequestBatch((sessions) => this.readBatch(sessions), most);
    this.creations = new RequestBatch((creations) => this.createBatch(creations), most);
    this.updates = new RequestBatch((updates) => this.updateBatch(updates), most);
    this.deletions = new RequestBatch((sessions) => this.deleteBatch(sessions), most);
  }

  /** The record of a session. Counts as use. */
  async read(user: string, id: string): Promise<RedisSessionRecord | undefined> {
    const record = await this.reads.request({ user, id });
    return record === null ? undefined : (await this.use(user, [record], id))[0];
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

  /**
   * @returns whether it is made; if not, the record has to be read first: see {@link RedisSessionPatch.read}.
   *   `undefined`: there is no such session
   */
  async update(user: string, patch: RedisSessionPatch): Promise<boolean | undefined> {
    const outcome = await this.updates.request({ user, patch });
    return outcome === -1 ? undefined : outcome === 1;
  }

  async delete(user: string, id: string): Promise<void> {
    await this.deletions.request({ user, id });
  }

  /**
   * The encoded ids of the sessions of these users. Of users who have very many, those that come or go meanwhile may be
   * among them or not.
   */
  async listIds(users: string[]): Promise<string[]> {
    const parts = partsOf(users, this.redis.isCluster ? 1 : USERS_AT_ONCE);
    const texts = await Promise.all(parts.map((part) => this.idLinesOf(part)));
    return texts.flat().flatMap((lines) => lines.split('\n').slice(0, -1));
  }

  /** For each user a text, with a line for each id. */
  private async idLinesOf(users: string[]): Promise<string[]> {
    const ends = users.map((user) => this.keys.sessions(user).ends);
    const args = [this.now(), IDS_AT_ONCE];
    const answers = (await this.redis.run(LIST_IDS, ends, args)) as (string | null)[];
    return Promise.all(answers.map(async (lines, index) => lines ?? this.idLinesInSteps(ends[index]!)));
  }

  private async idLinesInSteps(ends: string): Promise<string> {
    const now = this.now();
    const ids = new Set<string>(); // a cursor may come by one twice
    let cursor = '0';
    do {
      const answer = await this.redis.command(ends, 'zscan', ends, cursor, 'count', IDS_PER_STEP);
      const [next, entries] = answer as [string, string[]];
      for (let at = 0; at < entries.length; at += 2) {
        if (Number(entries[at + 1]) > now) ids.add(entries[at]!);
      }
      cursor = String(next);
    } while (cursor !== '0');
    return Array.from(ids, (id) => `${id}\n`).join('');
  }

  /**
   * Of records that were read, those of sessions that have not ended; their use is recorded where that is due.
   *
   * @param id whose record it is, if one was asked for
   * @throws SessionsUnavailableError a record is damaged
   */
  private async use(user: string, read: string[], id?: string): Promise<RedisSessionRecord[]> {
    const now = this.now();
    const oldestEnd = endOf(undefined, oldestRecordedUse(now, this.lifetimes), this.lifetimes);
    const records: RedisSessionRecord[] = [];
    const due: string[] = [];
    for (const text of read) {
      const record = this.parse(text, id);
      if (record.end <= now) continue;
      if (record.isActive && record.end < oldestEnd) due.push(record.id);
      else records.push(record);
    }
    if (due.length === 0) return records;
    const args = [now, endOf(undefined, now, this.lifetimes), ...due];
    const used = (await this.redis.run(USE_SESSIONS, this.keys.both(user), args)) as (string | null)[];
    return [...records, ...used.filter((record) => record !== null).map((record) => this.parse(record, id))];
  }

  private parse(text: string, id: string | undefined): RedisSessionRecord {
    const record = parseRecord(text);
    if (record) return record;
    throw damagedRecord(id === undefined ? undefined : this.keys.decode(id));
  }

  private async readBatch(sessions: SessionKey[]): Promise<(string | null)[]> {
    const hashes = sessions.map(({ user }) => this.keys.sessions(user).hash);
    const ids = sessions.map(({ id }) => id);
    if (sessions.length > 1) return (await this.redis.run(READ_SESSIONS, hashes, ids)) as (string | null)[];
    return [(await this.redis.command(hashes[0], 'hget', hashes[0]!, ids[0]!)) as string | null];
  }

  private createBatch(creations: Creation[]): Promise<number[]> {
    const args = [this.now(), ...creations.flatMap(({ record }) => [record.id, formatRecord(record)])];
    const ends = creations.map(({ user, record }) => ({ user, end: record.end }));
    return this.write(CREATE_SESSIONS, creations, args, ends);
  }

  private updateBatch(updates: Update[]): Promise<number[]> {
    const now = this.now();
    const pendingEnd = now + this.lifetimes.pendingTtlMs;
    const patches = updates.flatMap(({ patch }) => formatPatch(patch));
    const args = [now, endOf(undefined, now, this.lifetimes), pendingEnd, this.sealer, ...patches];
    // Of what the index does not know yet, only an earlier end than before is news.
    const pending = updates.filter(({ patch }) => patch.isActive === false);
    const ends = pending.map(({ user }) => ({ user, end: pendingEnd }));
    return this.write(UPDATE_SESSIONS, updates, args, ends);
  }

  private async deleteBatch(sessions: SessionKey[]): Promise<unknown[]> {
    const ids = sessions.map(({ id }) => id);
    await this.redis.run(DELETE_SESSIONS, this.keysOf(sessions), ids);
    return sessions;
  }

  /** Runs a script that writes records, and tells the index of ends before, so that no session goes unnoticed. */
  private async write(
    script: RedisScript,
    written: { user: string }[],
    args: RedisArgument[],
    ends: { user: string; end: number }[],
  ): Promise<number[]> {
    const noted = this.index.note(ends);
    // One server does what it is told in order; those of a Cluster do not.
    if (this.redis.isCluster) await noted;
    const [answer] = await Promise.all([this.redis.run(script, this.keysOf(written), args), noted]);
    return answer as number[];
  }

  private keysOf(sessions: { user: string }[]): string[] {
    return sessions.flatMap(({ user }) => this.keys.both(user));
  }
}
