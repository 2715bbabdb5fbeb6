import { randomBytes, randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeDirectory } from '../common/atomic-file.js';
import { errorCode } from '../common/data-file.js';
import { SessionsUnavailableError } from './sessions.errors.js';

/** Times of a {@link FileLock}, in milliseconds. */
export interface FileLockTimes {
  /** How long the lock is waited for. Default 20,000: longer than it takes to see that a holder is dead. */
  waitMs?: number;
  /** A lock that shows no sign of life for so long has lost its holder, who gives five in that time. Default 10,000. */
  lifelessMs?: number;
}

/** Tries to get the lock are some milliseconds apart. */
const RETRY_MS = 5;

interface Holder {
  token: string;
  pid: number;
  host: string;
}

/** What a waiter sees of a lock that another holds. */
interface Sighting {
  /** `undefined` if the lock is gone by now, or is no file of ours. */
  holder: Holder | undefined;
  lifeSign: number;
}

/**
 * A lock among processes: a file that only one of them can make. The lock of a process that died is taken over: at
 * once where its id shows that it is gone, else when it has shown no sign of life for ten seconds.
 */
export class FileLock {
  private readonly waitMs: number;
  private readonly lifelessMs: number;
  private token: string | undefined;

  /** @param path the lock's own file */
  constructor(
    readonly path: string,
    { waitMs = 20_000, lifelessMs = 10_000 }: FileLockTimes = {},
  ) {
    this.waitMs = waitMs;
    this.lifelessMs = lifelessMs;
  }

  /**
   * Runs `work` while no other process, and no other lock of this path in this process, runs any.
   *
   * @throws SessionsUnavailableError the lock has not become free in time
   */
  async withLock<T>(work: () => Promise<T>): Promise<T> {
    await this.acquire();
    const lifeSigns = setInterval(() => void this.showLife(), this.lifelessMs / 5).unref();
    try {
      return await work();
    } finally {
      clearInterval(lifeSigns);
      await this.release();
    }
  }

  /**
   * Makes sure that nobody took the lock over, as happens to a process that was stopped for long.
   *
   * @throws SessionsUnavailableError the lock is lost; nothing may be written
   */
  async assertHeld(): Promise<void> {
    if ((await readHolder(this.path))?.token === this.token) return;
    throw new SessionsUnavailableError(`${this.path} was taken over by another process`);
  }

  private async acquire(): Promise<void> {
    const holder: Holder = { token: randomUUID(), pid: process.pid, host: hostname() };
    const ready = `${this.path}.${randomBytes(6).toString('hex')}.tmp`;
    await makeDirectory(dirname(this.path));
    try {
      await writeFile(ready, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
      await this.takeTurn(ready);
      this.token = holder.token;
    } finally {
      await rm(ready, { force: true });
    }
  }

  private async takeTurn(ready: string): Promise<void> {
    const giveUpAt = Date.now() + this.waitMs;
    let first: (Sighting & { at: number }) | undefined;
    while (!(await this.tryLink(ready))) {
      const seen = await this.sighting();
      if (!seen) continue;
      const isSame = first?.holder?.token === seen.holder?.token && first?.lifeSign === seen.lifeSign;
      if (!first || !isSame) first = { ...seen, at: Date.now() };
      // Compared with this process's own clock only: the file system's may be another machine's.
      const isLifeless = Date.now() - first.at > this.lifelessMs;
      if (isLifeless || isGone(seen.holder)) await this.removeAbandoned(seen);
      else if (Date.now() > giveUpAt) throw this.timedOut(seen);
      else await delay(RETRY_MS * (1 + Math.random()));
    }
  }

  /** Gives a file that is written already the lock's name: so the lock says from its first moment who holds it. */
  private async tryLink(ready: string): Promise<boolean> {
    try {
      await link(ready, this.path);
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  private async release(): Promise<void> {
    const isHeld = (await readHolder(this.path))?.token === this.token;
    this.token = undefined;
    if (isHeld) await rm(this.path, { force: true });
  }

  private async showLife(): Promise<void> {
    const now = new Date();
    // Whoever lost the lock learns of it from `assertHeld`.
    await utimes(this.path, now, now).catch(() => undefined);
  }

  private async sighting(): Promise<Sighting | undefined> {
    try {
      const { mtimeMs } = await stat(this.path);
      return { holder: await readHolder(this.path), lifeSign: mtimeMs };
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Removes a lock whose holder is gone. Of the processes that see this at once, one may: the one that gives the file
   * a second name first. If the lock has changed hands since, the second name leads to another file, which stays.
   */
  private async removeAbandoned({ holder }: Sighting): Promise<void> {
    const claim = `${this.path}.${holder?.token ?? 'unknown'}`;
    try {
      await link(this.path, claim);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') await this.removeAbandonedClaim(claim);
      else if (errorCode(error) !== 'ENOENT') throw error;
      return;
    }
    if ((await readHolder(claim))?.token === holder?.token) await rm(this.path, { force: true });
    await rm(claim, { force: true });
  }

  /** The one who was to remove the lock may have died over it. */
  private async removeAbandonedClaim(claim: string): Promise<void> {
    await delay(RETRY_MS);
    const claimedAt = await stat(claim).then(
      ({ ctimeMs }) => ctimeMs,
      () => Infinity,
    );
    if (Date.now() - claimedAt > this.lifelessMs) await rm(claim, { force: true });
  }

  private timedOut({ holder }: Sighting): SessionsUnavailableError {
    const by = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
    return new SessionsUnavailableError(
      `${this.path} has been held by ${by} for more than ${this.waitMs} ms`,
    );
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the holder is a process of this machine that has ended. */
function isGone(holder: Holder | undefined): boolean {
  if (holder?.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}
