import type { RedisArgument, RedisConnection } from '../redis/redis-connection.interface.js';
import { partsOf } from './parts-of.js';
import type { RedisUserKeys } from './redis-user-keys.js';
import { MOVE_DUE_USERS } from './scripts/move-due-users.lua.js';
import { REMOVE_ENDED } from './scripts/remove-ended.lua.js';

/** The most users that are looked for at once. */
const DUE_USERS = 500;

/** The most users that one call removes sessions of, and the most sessions of each. */
const USERS_AT_ONCE = 25;
const SESSIONS_AT_ONCE = 100;

/**
 * Tells which users have sessions that have ended: sorted sets of users by the earliest end of their sessions, or
 * something before that. It saves cleanup from looking at everything, and nothing else relies on it: what it loses,
 * when an instance dies or two get in each other's way, Redis frees by itself when the user's last session has ended.
 */
export class RedisUserIndex {
  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: RedisUserKeys,
  ) {}

  /** Notes the ends of sessions; before the sessions themselves are written, so that none goes unnoticed. */
  async note(sessions: { user: string; end: number }[]): Promise<void> {
    const entries = new Map<string, RedisArgument[]>();
    for (const { user, end } of sessions) {
      const key = this.keys.indexOf(user);
      const args = entries.get(key);
      if (args) args.push(end, user);
      else entries.set(key, [end, user]);
    }
    await Promise.all(
      Array.from(entries, ([key, args]) => this.redis.command(key, 'zadd', key, 'lt', ...args)),
    );
  }

  /** Removes all sessions that have ended at `now`. */
  async removeEnded(now: number): Promise<void> {
    await Promise.all(this.keys.index.map((part) => this.removeEndedIn(part, now)));
  }

  /** Forgets all users. */
  async clear(): Promise<void> {
    await Promise.all(this.keys.index.map((part) => this.redis.command(part, 'unlink', part)));
  }

  private async removeEndedIn(part: string, now: number): Promise<void> {
    for (;;) {
      const due = await this.dueUsers(part, now);
      if (due.length === 0) return;
      const next = await this.removeEndedOf(
        due.map(([user]) => user),
        now,
      );
      const moves = due.flatMap(([user, end], index) => [user, end, next[index] ?? '']);
      // Whom another instance is busy with stays due until that one is done: leave the rest to it.
      if ((await this.redis.run(MOVE_DUE_USERS, [part], moves)) === 0) return;
    }
  }

  /** @returns the earliest end of the sessions that each user has left */
  private async removeEndedOf(users: string[], now: number): Promise<(string | null)[]> {
    // The keys of one command have to be in one slot of a Cluster.
    const parts = partsOf(users, this.redis.isCluster ? 1 : USERS_AT_ONCE);
    const answers = await Promise.all(
      parts.map((part) => {
        const keys = part.flatMap((user) => this.keys.both(user));
        return this.redis.run(REMOVE_ENDED, keys, [now, SESSIONS_AT_ONCE]) as Promise<(string | null)[]>;
      }),
    );
    return answers.flat();
  }

  private async dueUsers(part: string, now: number): Promise<[user: string, end: string][]> {
    const range = ['-inf', now, 'withscores', 'limit', 0, DUE_USERS] as const;
    const answer = await this.redis.command(part, 'zrangebyscore', part, ...range);
    // The newer protocol of Redis answers with pairs, the older one with a flat list.
    const flat = (answer as unknown[]).flat();
    const due: [user: string, end: string][] = [];
    for (let at = 0; at < flat.length; at += 2) due.push([String(flat[at]), String(flat[at + 1])]);
    return due;
  }
}
