import { randomBytes } from 'node:crypto';
import { SessionNotFoundError } from '../common/errors.js';
import { connectionTo } from '../redis/redis-client.js';
import type { RedisClient } from '../redis/redis-client.interface.js';
import type { RedisConnection } from '../redis/redis-connection.interface.js';
import { available } from './redis-availability.js';
import { RedisSessionLock } from './redis-session-lock.js';
import { RedisUserIndex } from './redis-user-index.js';
import { RedisUserKeys } from './redis-user-keys.js';
import { CREATE_SESSION } from './scripts/create-session.lua.js';
import { READ_SESSIONS } from './scripts/read-sessions.lua.js';
import { REMOVE_SESSIONS } from './scripts/remove-sessions.lua.js';
import { REPLACE_SESSION } from './scripts/replace-session.lua.js';
import { copyOf, SessionCodec } from './session-codec.js';
import { generateSessionId } from './session-id.js';
import { lockWaitOf, SessionLocks } from './session-locks.js';
import {
  createdSession,
  endOf,
  lifetimesOf,
  oldestRecordedUse,
  updatedSession,
  type SessionLifetimes,
} from './session-rules.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { SessionAlreadyExistsError } from './sessions.errors.js';
import type { Session, Sessions } from './sessions.interface.js';

/** How many keys one step over the server's keys looks at, and how many users are asked about at once. */
const SCAN_BATCH = 500;

/** What a record begins with: `a` or `p`, and the revision in 16 characters. */
const HEADER_CHARS = 17;

/** Options of {@link RedisStorageBackend}. */
export interface RedisStorageBackendOptions extends SessionsOptions {
  /** What the names of all keys begin with. Default `mcp:user:`. */
  prefix?: string;
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
}

/**
 * Keeps users' connections in Redis or Valkey, for many instances: each sees every session at once. `get`, `list` and
 * `delete` take one round trip, `create` and `update` two.
 *
 * Every method rejects with `SessionsUnavailableError` when Redis does not answer in time or answers with an error;
 * the original error is its `cause`. The backend is of use again as soon as Redis is.
 */
export class RedisStorageBackend implements Sessions {
  private readonly redis: RedisConnection;
  private readonly keys: RedisUserKeys;
  private readonly index: RedisUserIndex;
  private readonly codec: SessionCodec;
  private readonly lifetimes: SessionLifetimes;
  private readonly now: () => number;
  /** Of one process one caller at a time waits for a lock in Redis. */
  private readonly localLocks: SessionLocks;
  private readonly lock: RedisSessionLock;

  /**
   * @param redis the client, which the backend neither configures nor closes
   * @throws InvalidConfigurationError the client cannot be used, or an option is not what is allowed
   */
  constructor(
    redis: RedisClient,
    { prefix = 'mcp:user:', commandTimeoutMs, ...options }: RedisStorageBackendOptions = {},
  ) {
    this.codec = new SessionCodec(options);
    this.lifetimes = lifetimesOf(options);
    this.now = options.now ?? (() => Date.now());
    const waitMs = lockWaitOf(options);
    this.redis = connectionTo(redis, { commandTimeoutMs });
    this.keys = new RedisUserKeys(prefix);
    this.index = new RedisUserIndex(this.redis, this.keys);
    this.localLocks = new SessionLocks(this, waitMs);
    this.lock = new RedisSessionLock(this.redis, waitMs);
  }

  generateSessionId(): string {
    return generateSessionId();
  }

  async create(session: Session): Promise<void> {
    const now = this.now();
    const created = createdSession(copyOf(session), this.lifetimes, now);
    const [user, id] = [this.keys.encode(created.userId), this.keys.encode(created.sessionId)];
    const end = endOf(created.expiresAt, now, this.lifetimes);
    const record = this.encode(created);
    const stored = await available(async () => {
      await this.index.note(user, end);
      return this.redis.run(CREATE_SESSION, this.keys.sessions(user), [id, record, end, now]);
    });
    if (stored !== 1) throw new SessionAlreadyExistsError(created.sessionId);
  }

  async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const [user, id] = [this.keys.encode(userId), this.keys.encode(sessionId)];
    const changes = copyOf(data);
    for (;;) {
      const now = this.now();
      const [[, record] = []] = await this.read(user, [id]);
      if (record === undefined) throw new SessionNotFoundError([sessionId]);
      const updated = updatedSession(this.decode(userId, sessionId, record), changes, this.lifetimes, now);
      const end = endOf(updated.expiresAt, now, this.lifetimes);
      const args = [id, record.slice(1, HEADER_CHARS), this.encode(updated), end, now];
      const outcome = await available(async () => {
        // An earlier end than the one before is the only news.
        if (updated.status === 'pending') await this.index.note(user, end);
        return this.redis.run(REPLACE_SESSION, this.keys.sessions(user), args);
      });
      if (outcome === 1) return;
      if (outcome === -1) throw new SessionNotFoundError([sessionId]);
      // Somebody else was faster, so that somebody has got on: this ends.
    }
  }

  async get(userId: string, sessionId: string): Promise<Session | null> {
    const [[, record] = []] = await this.read(this.keys.encode(userId), [this.keys.encode(sessionId)]);
    return record === undefined ? null : this.decode(userId, sessionId, record);
  }

  async list(userId: string): Promise<Session[]> {
    const found = await this.read(this.keys.encode(userId), []);
    return found.map(([id, record]) => this.decode(userId, this.keys.decode(id), record));
  }

  async listIds(userId: string): Promise<string[]> {
    return available(() => this.idsOf(this.keys.encode(userId)));
  }

  async delete(userId: string, sessionId: string): Promise<void> {
    const keys = this.keys.sessions(this.keys.encode(userId));
    await available(() => this.redis.run(REMOVE_SESSIONS, keys, [this.keys.encode(sessionId), 0, 0]));
  }

  /** Finds users by going over all keys of the server in steps, between which others get their turn. */
  async listAllIds(): Promise<string[]> {
    const ids: string[] = [];
    for await (const users of this.scanUsers()) {
      const found = await available(() => Promise.all(users.map((user) => this.idsOf(user))));
      for (const idsOfUser of found) for (const id of idsOfUser) ids.push(id);
    }
    return ids;
  }

  /** Removes all sessions of this prefix; those that are created meanwhile may stay. */
  async clearAll(): Promise<void> {
    await available(() => this.index.clear());
    for await (const users of this.scanUsers()) {
      await available(() =>
        Promise.all(
          users.map((user) =>
            this.redis.command(this.keys.sessions(user)[0], 'unlink', ...this.keys.sessions(user)),
          ),
        ),
      );
    }
  }

  async cleanupExpired(): Promise<void> {
    await available(() => this.index.removeEnded(this.now()));
  }

  /** Does nothing: the client is the application's, and nothing else is open. */
  async disconnect(): Promise<void> {}

  /** Locks across all instances. An instance that dies holds others up for 15 seconds at most. */
  withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T> {
    const key = this.keys.lock(this.keys.encode(userId), this.keys.encode(sessionId));
    return this.localLocks.inTurn(userId, sessionId, () =>
      this.lock.withLock(key, async () => {
        const session = await this.get(userId, sessionId);
        if (!session) throw new SessionNotFoundError([sessionId]);
        return work(session);
      }),
    );
  }

  /** Encoded ids and records of those of the sessions that there are; of all sessions if no ids are given. */
  private async read(user: string, ids: string[]): Promise<[id: string, record: string][]> {
    const now = this.now();
    const { dormantAfterMs } = this.lifetimes;
    const staleEnd = oldestRecordedUse(now, this.lifetimes) + dormantAfterMs;
    const args = [now, now + dormantAfterMs, staleEnd, ...ids];
    const answer = await available(() => this.redis.run(READ_SESSIONS, this.keys.sessions(user), args));
    if (answer === '') return [];
    return (answer as string).split('\n').map((line) => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)];
    });
  }

  private async idsOf(user: string): Promise<string[]> {
    const [, ends] = this.keys.sessions(user);
    const ids = await this.redis.command(ends, 'zrangebyscore', ends, `(${this.now()}`, '+inf');
    return (ids as string[]).map((id) => this.keys.decode(id));
  }

  private async *scanUsers(): AsyncGenerator<string[], void, undefined> {
    const seen = new Set<string>();
    for (const node of await available(() => this.redis.primaries())) {
      let cursor = '0';
      do {
        const args = [cursor, 'match', this.keys.matchPattern, 'count', SCAN_BATCH];
        const [next, keys] = (await available(() => node.command(undefined, 'scan', ...args))) as [
          string,
          string[],
        ];
        const users = keys.map((key) => this.keys.userOf(key)).filter((user) => user !== undefined);
        // A cursor over a database that changes may repeat a key.
        const fresh = users.filter((user) => !seen.has(user) && seen.add(user));
        if (fresh.length > 0) yield fresh;
        cursor = String(next);
      } while (cursor !== '0');
    }
  }

  private encode(session: Session): string {
    const revision = randomBytes(12).toString('base64url');
    return (session.status === 'active' ? 'a' : 'p') + revision + this.codec.encode(session);
  }

  private decode(userId: string, sessionId: string, record: string): Session {
    return this.codec.decode(userId, sessionId, record.slice(HEADER_CHARS));
  }
}
