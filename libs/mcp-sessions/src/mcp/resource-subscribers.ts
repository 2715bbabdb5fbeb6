import type { CompleteSessionStore } from '../session-store/session-store.interface.js';

/** Which sessions subscribed to which resource: an index over the metadata of all sessions. */
export class ResourceSubscribers {
  private readonly byUri = new Map<string, Set<string>>();
  private readonly bySession = new Map<string, Set<string>>();
  private loading: Promise<void> | undefined;
  /** Sessions that changed while the index was being loaded: what is loaded of them is out of date. */
  private changedWhileLoading: Set<string> | undefined;

  constructor(private readonly store: CompleteSessionStore) {}

  /** Ids of the sessions that are subscribed to the resource. */
  async of(uri: string): Promise<string[]> {
    this.loading ??= this.load();
    try {
      await this.loading;
    } catch (error) {
      this.loading = undefined;
      throw error;
    }
    return [...(this.byUri.get(uri) ?? [])];
  }

  /** What is known may be out of date: it is read again when it is asked for. */
  reload(): void {
    this.byUri.clear();
    this.bySession.clear();
    this.loading = undefined;
  }

  set(sessionId: string, uris: readonly string[]): void {
    this.remove(sessionId);
    this.index(sessionId, uris);
  }

  private index(sessionId: string, uris: readonly string[]): void {
    if (uris.length === 0) return;
    this.bySession.set(sessionId, new Set(uris));
    for (const uri of uris) {
      const sessionIds = this.byUri.get(uri) ?? new Set<string>();
      this.byUri.set(uri, sessionIds.add(sessionId));
    }
  }

  remove(sessionId: string): void {
    this.changedWhileLoading?.add(sessionId);
    for (const uri of this.bySession.get(sessionId) ?? []) {
      const sessionIds = this.byUri.get(uri)!;
      sessionIds.delete(sessionId);
      if (sessionIds.size === 0) this.byUri.delete(uri);
    }
    this.bySession.delete(sessionId);
  }

  /** Reads what sessions of before the start of this process subscribed to. */
  private async load(): Promise<void> {
    const changed = (this.changedWhileLoading = new Set<string>());
    try {
      for await (const sessionId of this.store.scan()) {
        if (this.bySession.has(sessionId)) continue;
        const metadata = await this.store.get(sessionId);
        const isCurrent = !changed.has(sessionId) && !this.bySession.has(sessionId);
        if (metadata?.subscriptions && isCurrent) this.index(sessionId, metadata.subscriptions);
      }
    } finally {
      this.changedWhileLoading = undefined;
    }
  }
}
