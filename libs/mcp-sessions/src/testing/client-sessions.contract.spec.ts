import { describe, expect, it } from '@jest/globals';
import { MemoryStorageBackend } from '../client-sessions/memory-storage-backend.js';
import type { SessionsOptions } from '../client-sessions/sessions-options.interface.js';
import type { Session, Sessions } from '../client-sessions/sessions.interface.js';
import { sessionsContract } from './client-sessions.contract.js';

class ReturnsReferences extends MemoryStorageBackend {
  private readonly objects = new Map<string, Session>();

  override async get(userId: string, sessionId: string): Promise<Session | null> {
    const session = await super.get(userId, sessionId);
    const key = JSON.stringify([userId, sessionId]);
    if (session && this.objects.get(key)?.updatedAt !== session.updatedAt) this.objects.delete(key);
    if (session && !this.objects.has(key)) this.objects.set(key, session);
    return session && this.objects.get(key)!;
  }
}

class JoinsIds extends MemoryStorageBackend {
  override create(session: Session): Promise<void> {
    return super.create({ ...session, sessionId: `${session.userId}:${session.sessionId}`, userId: '' });
  }

  override async get(userId: string, sessionId: string): Promise<Session | null> {
    const session = await super.get('', `${userId}:${sessionId}`);
    return session && { ...session, userId, sessionId };
  }
}

class Overwrites extends MemoryStorageBackend {
  override async create(session: Session): Promise<void> {
    await super.delete(session.userId, session.sessionId);
    await super.create(session);
  }
}

class ChecksAndCreates extends Overwrites {
  override async create(session: Session): Promise<void> {
    const isTaken = (await super.get(session.userId, session.sessionId)) !== null;
    await new Promise(setImmediate);
    if (!isTaken) await super.create(session);
    else await MemoryStorageBackend.prototype.create.call(this, session);
  }
}

class ReadsAndWrites extends MemoryStorageBackend {
  override async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const session = await super.get(userId, sessionId);
    await new Promise(setImmediate);
    if (session) await super.update(userId, sessionId, { ...session, ...data });
  }
}

class BringsBack extends MemoryStorageBackend {
  override async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    const session = await super.get(userId, sessionId);
    if (session) await new Promise(setImmediate);
    if (session && !(await super.get(userId, sessionId))) await super.create(session);
    await super.update(userId, sessionId, data);
  }
}

class RestartsTheWindow extends MemoryStorageBackend {
  override async update(userId: string, sessionId: string, data: Partial<Session>): Promise<void> {
    await super.update(userId, sessionId, { ...data, status: 'active' });
    if (data.status !== 'active') await super.update(userId, sessionId, { status: 'pending' });
  }
}

class ForgetsThatItWasRead extends MemoryStorageBackend {
  override async get(userId: string, sessionId: string): Promise<Session | null> {
    const ids = await this.listIds(userId);
    if (!ids.includes(sessionId)) return null;
    const copy = new MemoryStorageBackend();
    await copy.create({
      sessionId,
      userId,
      serverUrl: '',
      callbackUrl: '',
      transportType: 'sse',
      createdAt: 0,
    });
    return copy.get(userId, sessionId);
  }
}

class LocksNothing extends MemoryStorageBackend {
  override async withLock<T>(
    userId: string,
    sessionId: string,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    return work((await this.get(userId, sessionId))!);
  }
}

class LocksForStaleSessions extends MemoryStorageBackend {
  override async withLock<T>(
    userId: string,
    sessionId: string,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const session = (await this.get(userId, sessionId))!;
    return super.withLock(userId, sessionId, () => work(session));
  }
}

class WaitsForEver extends MemoryStorageBackend {
  constructor(options: SessionsOptions) {
    super({ ...options, lockWaitMs: 5_000 });
  }
}

/** Runs one case of the suite on a repository; answers whether it fails. */
async function fails(create: (options: SessionsOptions) => Sessions, only: string): Promise<boolean> {
  const runs: (() => Promise<void>)[] = [];
  const runner = {
    describe: (_name: string, declareCases: () => void) => declareCases(),
    it: (name: string, run: () => Promise<void>) => void (name === only && runs.push(run)),
  };
  sessionsContract(runner, { name: 'repository', create });
  expect(runs).toHaveLength(1);
  const failed = runs[0]!().then(
    () => false,
    () => true,
  );
  const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 500).unref());
  return Promise.race([failed, late]);
}

describe('sessionsContract', () => {
  it.each([
    [ReturnsReferences, 'what happens to an object before or after changes nothing'],
    [JoinsIds, 'no two users share a session, whatever their ids'],
    [Overwrites, 'an id that is taken is refused, and what has it stays'],
    [ChecksAndCreates, 'of creations of one id at the same time, one succeeds'],
    [ReadsAndWrites, 'of updates to different fields at the same time, all survive'],
    [BringsBack, 'nothing deleted comes back'],
    [RestartsTheWindow, 'neither reading nor updating extends the window of a pending session'],
    [ForgetsThatItWasRead, 'get keeps an active session alive, for all instances'],
    [LocksNothing, 'work under a lock is done one after the other, each on a fresh session'],
    [LocksForStaleSessions, 'work under a lock is done one after the other, each on a fresh session'],
    [WaitsForEver, 'the wait for a lock is bounded'],
  ])('catches %p: %s', async (Repository, name) => {
    expect(await fails((options) => new Repository(options), name)).toBe(true);
  });
});
