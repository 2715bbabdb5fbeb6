import type { RedisConnection } from '../redis/redis-connection.interface.js';
import type { RedisUserKeys } from './redis-user-keys.js';
import { MOVE_DUE_USER } from './scripts/move-due-user.lua.js';
import { REMOVE_SESSIONS } from './scripts/remove-sessions.lua.js';

/** Users that are looked at together, and sessions of one that are removed by one call. */
const BATCH = 100;

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

  /** Notes the end of a session; before the session itself is written, so that no session goes unnoticed. */
  async note(user: string, end: number): Promise<void> {
    const key = this.keys.indexOf(user);
    await this.redis.command(key, 'zadd', key, 'lt', end, user);
  }

  /** Removes all sessions that have ended at `now`. */
  async removeEnded(now: number): Promise<void> {
    for (const part of this.keys.index) {
      let due: [user: string, end: string][];
      do {
        due = await this.dueUsers(part, now);
        const moved = await Promise.all(due.map(([user, end]) => this.removeEndedOf(part, user, end, now)));
        // Whom another instance is busy with stays due until that one is done: leave the rest to it.
        if (!moved.some((isMoved) => isMoved)) break;
      } while (due.length === BATCH);
    }
  }

  /** Forgets all users. */
  async clear(): Promise<void> {
    await Promise.all(this.keys.index.map((part) => this.redis.command(part, 'unlink', part)));
  }

  private async dueUsers(part: string, now: number): Promise<[user: string, end: string][]> {
    const range = ['-inf', now, 'withscores', 'limit', 0, BATCH] as const;
    const answer = await this.redis.command(part, 'zrangebyscore', part, ...range);
    // The newer protocol of Redis answers with pairs, the older one with a flat list.
    const flat = (answer as unknown[]).flat();
    const due: [user: string, end: string][] = [];
    for (let at = 0; at < flat.length; at += 2) due.push([String(flat[at]), String(flat[at + 1])]);
    return due;
  }

  private async removeEndedOf(part: string, user: string, end: string, now: number): Promise<boolean> {
    let next: string | null;
    do {
      next = (await this.redis.run(REMOVE_SESSIONS, this.keys.sessions(user), ['', now, BATCH])) as
        string | null;
    } while (next !== null && Number(next) <= now);
    return (await this.redis.run(MOVE_DUE_USER, [part], [user, end, next ?? ''])) === 1;
  }
}
