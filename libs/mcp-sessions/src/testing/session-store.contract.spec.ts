import { describe, expect, it } from '@jest/globals';
import { InMemorySessionStore } from '../session-store/in-memory-session-store.js';
import type {
  MetadataChange,
  SessionMetadata,
  SessionStore,
} from '../session-store/session-store.interface.js';
import { sessionStoreContract } from './session-store.contract.js';

/** A store of the kind that applications write: the required methods, and nothing else. */
class PlainStore implements SessionStore {
  protected readonly sessions = new Map<string, string>();

  async get(sessionId: string): Promise<SessionMetadata | null> {
    return JSON.parse(this.sessions.get(sessionId) ?? 'null') as SessionMetadata | null;
  }

  async set(sessionId: string, data: SessionMetadata): Promise<void> {
    this.sessions.set(sessionId, JSON.stringify(data));
  }

  async delete(sessionId: string): Promise<void> {
    this.sessions.delete(sessionId);
  }

  async has(sessionId: string): Promise<boolean> {
    return this.sessions.has(sessionId);
  }

  async keys(): Promise<string[]> {
    return [...this.sessions.keys()];
  }
}

class StoreByReference extends PlainStore {
  private readonly objects = new Map<string, SessionMetadata>();

  override async get(sessionId: string): Promise<SessionMetadata | null> {
    return this.objects.get(sessionId) ?? null;
  }

  override async set(sessionId: string, data: SessionMetadata): Promise<void> {
    await super.set(sessionId, data);
    this.objects.set(sessionId, data);
  }
}

class StoreInPlainObject extends PlainStore {
  private readonly object: Record<string, string> = {};

  override async get(sessionId: string): Promise<SessionMetadata | null> {
    const text = this.object[sessionId];
    return typeof text === 'string' ? (JSON.parse(text) as SessionMetadata) : null;
  }

  override async set(sessionId: string, data: SessionMetadata): Promise<void> {
    this.object[sessionId] = JSON.stringify(data);
  }

  override async has(sessionId: string): Promise<boolean> {
    return sessionId in this.object;
  }
}

class StoreThatKeepsFields extends PlainStore {
  override async set(sessionId: string, data: SessionMetadata): Promise<void> {
    await super.set(sessionId, { ...(await this.get(sessionId)), ...data });
  }
}

class StoreWithTimerPerSession extends PlainStore {
  async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    await this.set(sessionId, data);
    setTimeout(() => this.sessions.delete(sessionId), Math.min(ttlMs, 1_000_000)).unref();
  }
}

class StoreThatOverflows extends PlainStore {
  async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    await this.set(sessionId, data);
    // What Node does with longer delays.
    setTimeout(() => this.sessions.delete(sessionId), ttlMs > 2 ** 31 - 1 ? 1 : ttlMs).unref();
  }
}

class StoreThatReadsAndWrites extends PlainStore {
  async touch(sessionId: string): Promise<SessionMetadata | null> {
    return this.update(sessionId, { lastAccessedAt: Date.now() });
  }

  async update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    const metadata = await this.get(sessionId);
    if (!metadata) return null;
    await new Promise(setImmediate);
    await this.set(sessionId, { ...metadata, ...patch });
    return this.get(sessionId);
  }
}

class StoreThatModifiesWhatItHasRead extends InMemorySessionStore {
  override async modify(sessionId: string, change: MetadataChange): Promise<SessionMetadata | null> {
    const metadata = await this.get(sessionId);
    await new Promise(setImmediate);
    if (metadata) await this.set(sessionId, { ...metadata, ...change(metadata) });
    return this.get(sessionId);
  }
}

class StoreThatListsExpired extends InMemorySessionStore {
  private readonly known = new Set<string>();

  override async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    await super.setWithTTL(sessionId, data, ttlMs);
    this.known.add(sessionId);
  }

  override async keys(): Promise<string[]> {
    return [...new Set([...(await super.keys()), ...this.known])];
  }
}

class StoreThatTouchesForAnHour extends InMemorySessionStore {
  override async touch(sessionId: string): Promise<SessionMetadata | null> {
    const metadata = await super.touch(sessionId);
    if (metadata) await this.setWithTTL(sessionId, metadata, 3_600_000);
    return metadata;
  }
}

class StoreThatDoesNotRenew extends InMemorySessionStore {
  override async touch(sessionId: string): Promise<SessionMetadata | null> {
    return this.update(sessionId, { lastAccessedAt: Date.now() });
  }
}

class StoreThatRenewsOnUpdate extends InMemorySessionStore {
  override async update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    await this.touch(sessionId);
    return super.update(sessionId, patch);
  }
}

class StoreThatTellsOfDeletions extends InMemorySessionStore {
  private readonly listeners = new Set<(sessionId: string) => void>();

  override onExpired(listener: (sessionId: string) => void): () => void {
    this.listeners.add(listener);
    return super.onExpired(listener);
  }

  override async delete(sessionId: string): Promise<void> {
    await super.delete(sessionId);
    for (const listener of this.listeners) listener(sessionId);
  }
}

class StoreThatScansOneBatch extends InMemorySessionStore {
  override async *scan({ batch = 1_000 }: { batch?: number } = {}): AsyncGenerator<string> {
    yield* (await this.keys()).slice(0, batch);
  }
}

/** Runs the suite, or one case of it, on a store; answers the names of the cases that fail. */
async function failedCases(create: () => SessionStore, only?: string): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = [];
  const runner = {
    describe: (_name: string, declareCases: () => void) => declareCases(),
    it: (name: string, run: () => Promise<void>) => {
      if (only === undefined || only === name) cases.push({ name, run });
    },
  };
  sessionStoreContract(runner, { name: 'store', create, timeoutMs: only ? 300 : undefined });
  const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
  return cases.filter((_case, index) => outcomes[index]!.status === 'rejected').map(({ name }) => name);
}

describe('sessionStoreContract', () => {
  it('accepts a store with the required methods only', async () => {
    expect(await failedCases(() => new PlainStore())).toEqual([]);
  });

  it.each([
    [StoreByReference, 'what happens to an object after it was stored changes nothing'],
    [StoreByReference, 'what happens to an object that was read changes nothing'],
    [StoreInPlainObject, 'a session that is not there is null, false, and not among the keys'],
    [StoreInPlainObject, 'any string is a session id, and no two collide'],
    [StoreThatKeepsFields, 'set replaces the whole metadata'],
    [StoreWithTimerPerSession, 'storing a session again replaces its lifetime'],
    [StoreWithTimerPerSession, 'a lifetime that is not a positive, finite number is refused'],
    [StoreThatOverflows, 'lifetimes above 2³¹ milliseconds do not end at once'],
    [StoreThatReadsAndWrites, 'touch never makes a session'],
    [StoreThatReadsAndWrites, 'update never makes a session, nor brings one back'],
    [StoreThatReadsAndWrites, 'update leaves fields alone that are undefined in the patch'],
    [StoreThatReadsAndWrites, 'of updates to different fields at the same time, all survive'],
    [StoreThatReadsAndWrites, 'a touch at the same time loses no update'],
    [StoreThatModifiesWhatItHasRead, 'of changes to one field at the same time, all survive'],
    [
      StoreThatModifiesWhatItHasRead,
      'modify never makes a session, brings none back, and leaves one alone that it cannot change',
    ],
    [StoreThatListsExpired, 'a session whose lifetime has passed does not exist for any method'],
    [StoreThatTouchesForAnHour, 'touch renews the lifetime that the session was stored with, and no other'],
    [StoreThatDoesNotRenew, 'touch keeps a session alive'],
    [StoreThatRenewsOnUpdate, 'update leaves the lifetime running'],
    [StoreThatTellsOfDeletions, 'the end of a session is told once, the deletion of one never'],
    [StoreThatScansOneBatch, 'scan finds what keys finds, whatever the size of its batches'],
  ])('catches %p: %s', async (Store, name) => {
    expect(await failedCases(() => new Store(), name)).toEqual([name]);
  });
});
