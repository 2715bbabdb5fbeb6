import type {
  CompleteSessionStore,
  MetadataChange,
  SessionMetadata,
  SessionStore,
} from './session-store.interface.js';

/**
 * Adds what a store with the required methods only leaves out: a time to live, checked when a session is read;
 * `touch`, `update`, `modify` and `scan`, made of the others. Updates of one session are put one behind the other within
 * this process, which is all that can be done for a store without an atomic `update` or `modify`.
 *
 * @param idleTimeoutMs the lifetime of sessions in a store that knows none
 */
export function completeSessionStore(
  store: SessionStore,
  idleTimeoutMs: number,
  now: () => number = Date.now,
): CompleteSessionStore {
  if (store.setWithTTL && store.touch && store.update && store.modify && store.scan) {
    return store as CompleteSessionStore;
  }
  return new CompletedSessionStore(store, idleTimeoutMs, now);
}

class CompletedSessionStore implements CompleteSessionStore {
  readonly close?: () => Promise<void>;
  readonly onExpired?: SessionStore['onExpired'];
  private readonly writing = new Map<string, Promise<unknown>>();

  constructor(
    private readonly store: SessionStore,
    private readonly idleTimeoutMs: number,
    private readonly now: () => number,
  ) {
    if (store.close) this.close = () => store.close!();
    if (store.onExpired) this.onExpired = (listener) => store.onExpired!(listener);
  }

  async get(sessionId: string): Promise<SessionMetadata | null> {
    const metadata = await this.store.get(sessionId);
    if (!metadata || !this.hasExpired(metadata)) return metadata;
    await this.store.delete(sessionId);
    return null;
  }

  set(sessionId: string, data: SessionMetadata): Promise<void> {
    return this.store.set(sessionId, data);
  }

  setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    return this.store.setWithTTL?.(sessionId, data, ttlMs) ?? this.store.set(sessionId, data);
  }

  delete(sessionId: string): Promise<void> {
    return this.inTurn(sessionId, () => this.store.delete(sessionId));
  }

  async has(sessionId: string): Promise<boolean> {
    return (await this.get(sessionId)) !== null;
  }

  keys(): Promise<string[]> {
    return this.store.keys();
  }

  touch(sessionId: string): Promise<SessionMetadata | null> {
    if (this.store.touch && this.store.setWithTTL) return this.store.touch(sessionId);
    return this.inTurn(sessionId, async () => {
      const metadata = await this.get(sessionId);
      if (!metadata) return null;
      const touched = { ...metadata, lastAccessedAt: this.now() };
      const isStale = touched.lastAccessedAt - metadata.lastAccessedAt > this.idleTimeoutMs / 10;
      if (isStale) await this.setWithTTL(sessionId, touched, this.idleTimeoutMs);
      return touched;
    });
  }

  update(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null> {
    if (this.store.update && this.store.setWithTTL) return this.store.update(sessionId, patch);
    return this.inTurn(sessionId, async () => this.merge(sessionId, await this.get(sessionId), patch));
  }

  modify(sessionId: string, change: MetadataChange): Promise<SessionMetadata | null> {
    if (this.store.modify && this.store.setWithTTL) return this.store.modify(sessionId, change);
    return this.inTurn(sessionId, async () => {
      const metadata = await this.get(sessionId);
      if (!metadata) return null;
      const patch = change(metadata);
      if (this.store.update && this.store.setWithTTL) return this.store.update(sessionId, patch);
      return this.merge(sessionId, metadata, patch);
    });
  }

  async *scan(options?: { batch?: number }): AsyncIterable<string> {
    if (this.store.scan) yield* this.store.scan(options);
    else yield* await this.store.keys();
  }

  private async merge(
    sessionId: string,
    metadata: SessionMetadata | null,
    patch: Partial<SessionMetadata>,
  ): Promise<SessionMetadata | null> {
    if (!metadata) return null;
    const changes = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
    const updated = { ...metadata, ...changes };
    await this.setWithTTL(sessionId, updated, this.idleTimeoutMs);
    return updated;
  }

  private hasExpired(metadata: SessionMetadata): boolean {
    return !this.store.setWithTTL && metadata.lastAccessedAt + this.idleTimeoutMs <= this.now();
  }

  private async inTurn<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    const before = this.writing.get(sessionId);
    const turn = before ? before.then(work, work) : work();
    const settled = turn.catch(() => undefined);
    this.writing.set(sessionId, settled);
    try {
      return await turn;
    } finally {
      if (this.writing.get(sessionId) === settled) this.writing.delete(sessionId);
    }
  }
}
