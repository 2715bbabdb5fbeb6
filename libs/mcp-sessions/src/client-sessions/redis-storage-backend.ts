import { randomBytes } from 'node:crypto';
import { SessionNotFoundError } from '../common/errors.js';
import { connectionTo } from '../redis/redis-client.js';
import type { RedisClient } from '../redis/redis-client.interface.js';
import type { RedisConnection } from '../redis/redis-connection.interface.js';
import { available } from './redis-availability.js';
import { RedisSessionCodec } from './redis-session-codec.js';
import { RedisSessionLock } from './redis-session-lock.js';
import type { RedisSessionPatch, RedisSessionRecord } from './redis-session-record.js';
import { RedisUserIndex } from './redis-user-index.js';
import { RedisUserKeys } from './redis-user-keys.js';
import { RedisUserSessions } from './redis-user-sessions.js';
import { generateSessionId } from './session-id.js';
import { lockWaitOf, SessionLocks } from './session-locks.js';
import {
  changesOf,
  createdSession,
  endOf,
  lifetimesOf,
  type SessionChanges,
  type SessionLifetimes,
} from './session-rules.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { SessionAlreadyExistsError } from './sessions.errors.js';
import type { Session, Sessions } from './sessions.interface.js';

/** How many keys one step over the server's keys looks at, and how many users are asked about at once. */
const SCAN_BATCH = 500;

/** Options of {@link RedisStorageBackend}. */
export interface RedisStorageBackendOptions extends SessionsOptions {
  /** What the names of all keys begin with. Default `mcp:user:`. */
  prefix?: string;
  /** How long a command may take, in milliseconds. Default 5,000. */
  commandTimeoutMs?: number;
}

/**
 * Keeps users' connections in Redis or Valkey, for many instances: each sees every session at once. `get`, `list`,
 * `create`, `update` and `delete` take one round trip. The first `update` with another first encryption key takes more:
 * it encrypts all credentials of the session anew.
 *
 * Every method rejects with `SessionsUnavailableError` when Redis does not answer in time or answers with an error;
 * the original error is its `cause`. The backend is of use again as soon as Redis is.
 */
export class RedisStorageBackend implements Sessions {
  private readonly redis: RedisConnection;
  private readonly keys: RedisUserKeys;
  private readonly index: RedisUserIndex;
  private readonly users: RedisUserSessions;
  private readonly codec: RedisSessionCodec;
  /** Makes revisions unlike those of other instances. */
  private readonly instance = randomBytes(12).toString('base64url');
  private revisions = 0;
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
    this.codec = new RedisSessionCodec(options);
    this.lifetimes = lifetimesOf(options);
    this.now = options.now ?? (() => Date.now());
    const waitMs = lockWaitOf(options);
    this.redis = connectionTo(redis, { commandTimeoutMs });
    this.keys = new RedisUserKeys(prefix, this.redis.isCluster);
    this.index = new RedisUserIndex(this.redis, this.keys);
    const { lifetimes, codec, now } = this;
    this.users = new RedisUserSessions(this.redis, this.keys, this.index, lifetimes, codec.sealer, now);
    this.localLocks = new SessionLocks(this, waitMs);
    this.lock = new RedisSessionLock(this.redis, waitMs);
  }

  generateSessionId(): string {
    return generateSessionId();
  }

  async create(session: Session): Promise<void> {
    const now = this.now();
    const created = createdSession(session, this.lifetimes, now);
    const record = this.encode(created, now);
    const user = this.keys.encode(created.userId);
    if (await available(() => this.users.create(user, record))) return;
    throw new SessionAlreadyExistsError(created.sessionId);
  }

  async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const user = this.keys.encode(userId);
    const changes = changesOf(data);
    let patch = this.patch(userId, sessionId, changes);
    for (;;) {
      const isUpdated = await available(() => this.users.update(user, patch));
      if (isUpdated) return;
      if (isUpdated === undefined) throw new SessionNotFoundError([sessionId]);
      patch = await this.sealingPatch(userId, sessionId, changes);
      // Should somebody else be faster, that somebody has got on: this ends.
    }
  }

  async get(userId: string, sessionId: string): Promise<Session | null> {
    const [user, id] = [this.keys.encode(userId), this.keys.encode(sessionId)];
    const record = await available(() => this.users.read(user, id));
    return record ? this.codec.decode(userId, sessionId, record) : null;
  }

  async list(userId: string): Promise<Session[]> {
    const records = await available(() => this.users.readAll(this.keys.encode(userId)));
    return records.map((record) => this.codec.decode(userId, this.keys.decode(record.id), record));
  }

  async listIds(userId: string): Promise<string[]> {
    return this.idsOf([this.keys.encode(userId)]);
  }

  async delete(userId: string, sessionId: string): Promise<void> {
    await available(() => this.users.delete(this.keys.encode(userId), this.keys.encode(sessionId)));
  }

  /** Finds users by going over all keys of the server in steps, between which others get their turn. */
  async listAllIds(): Promise<string[]> {
    const ids: string[] = [];
    for await (const users of this.scanUsers()) {
      for (const id of await this.idsOf(users)) ids.push(id);
    }
    return ids;
  }

  /** Removes all sessions of this prefix; those that are created meanwhile may stay. */
  async clearAll(): Promise<void> {
    await available(() => this.index.clear());
    for await (const users of this.scanUsers()) {
      await available(() =>
        Promise.all(
          users.map((user) => {
            const keys = this.keys.both(user);
            return this.redis.command(keys[0], 'unlink', ...keys);
          }),
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
    return this.localLocks.inTurn(userId, sessionId, (giveUpAt) =>
      this.lock.withLock(key, giveUpAt, async () => {
        const session = await this.get(userId, sessionId);
        if (!session) throw new SessionNotFoundError([sessionId]);
        return work(session);
      }),
    );
  }

  private async idsOf(users: string[]): Promise<string[]> {
    const ids = await available(() => this.users.listIds(users));
    return ids.map((id) => this.keys.decode(id));
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

  private encode(session: Session, now: number): RedisSessionRecord {
    return {
      isActive: session.status === 'active',
      revision: this.nextRevision(),
      end: endOf(session.expiresAt, now, this.lifetimes),
      id: this.keys.encode(session.sessionId),
      sealer: this.codec.sealer,
      text: this.codec.encode(session),
    };
  }

  private patch(userId: string, sessionId: string, changes: SessionChanges): RedisSessionPatch {
    const { status } = changes;
    return {
      id: this.keys.encode(sessionId),
      revision: this.nextRevision(),
      isActive: status === undefined ? undefined : status === 'active',
      ...this.codec.encodeChanges(userId, sessionId, changes),
    };
  }

  /** A patch of all fields, so that all credentials are sealed alike: those of the record are not, or not with our key. */
  private async sealingPatch(
    userId: string,
    sessionId: string,
    changes: SessionChanges,
  ): Promise<RedisSessionPatch> {
    const record = await available(() =>
      this.users.read(this.keys.encode(userId), this.keys.encode(sessionId)),
    );
    if (!record) throw new SessionNotFoundError([sessionId]);
    const session = this.codec.decode(userId, sessionId, record);
    const patch = this.patch(userId, sessionId, changesOf({ ...session, ...changes }));
    return { ...patch, read: record.revision };
  }

  private nextRevision(): string {
    return `${this.instance}.${(this.revisions += 1)}`;
  }
}
