import type { CompleteSessionStore } from '../session-store/session-store.interface.js';

/** Sessions that are read from the store at a time. */
const READ_AT_ONCE = 100;

/**
 * The subscriptions of all sessions by resource. It learns that a session's have changed, never what they are now, since
 * such news overtake each other on their way: it reads those sessions when it is asked the next time.
 */
export class SubscriptionIndex {
  private readonly byUri = new Map<string, Set<string>>();
  private readonly bySession = new Map<string, Set<string>>();
  /** Sessions whose subscriptions have changed since they were read. */
  private readonly outdated = new Set<string>();
  private isComplete = false;
  /** One reading after the other: each knows what had changed when it was asked for. */
  private reading: Promise<void> = Promise.resolve();

  constructor(private readonly store: CompleteSessionStore) {}

  /** Resolves once the index knows all that had changed before the call. */
  bringUpToDate(): Promise<void> {
    const turn = this.reading.then(() => this.read());
    this.reading = turn.catch(() => undefined); // whoever asked for it is told
    return turn;
  }

  subscribersOf(uri: string): string[] {
    return [...(this.byUri.get(uri) ?? [])];
  }

  changed(sessionId: string): void {
    this.outdated.add(sessionId);
  }

  remove(sessionId: string): void {
    this.outdated.delete(sessionId);
    this.put(sessionId, []);
  }

  private async read(): Promise<void> {
    if (!this.isComplete) await this.readAll();
    this.isComplete = true;
    const outdated = [...this.outdated];
    for (let start = 0; start < outdated.length; start += READ_AT_ONCE) {
      await this.readSessions(outdated.slice(start, start + READ_AT_ONCE));
    }
  }

  /** Reads what sessions of before the start of this process subscribed to. */
  private async readAll(): Promise<void> {
    let sessionIds: string[] = [];
    for await (const sessionId of this.store.scan()) {
      if (sessionIds.push(sessionId) < READ_AT_ONCE) continue;
      await this.readSessions(sessionIds);
      sessionIds = [];
    }
    await this.readSessions(sessionIds);
  }

  private async readSessions(sessionIds: string[]): Promise<void> {
    await Promise.all(sessionIds.map((sessionId) => this.readSession(sessionId)));
  }

  private async readSession(sessionId: string): Promise<void> {
    this.outdated.delete(sessionId);
    try {
      const metadata = await this.store.get(sessionId);
      this.put(sessionId, metadata?.subscriptions ?? []);
    } catch (error) {
      this.outdated.add(sessionId);
      throw error;
    }
  }

  private put(sessionId: string, uris: readonly string[]): void {
    for (const uri of this.bySession.get(sessionId) ?? []) {
      const sessionIds = this.byUri.get(uri)!;
      sessionIds.delete(sessionId);
      if (sessionIds.size === 0) this.byUri.delete(uri);
    }
    this.bySession.delete(sessionId);
    if (uris.length === 0) return;
    this.bySession.set(sessionId, new Set(uris));
    for (const uri of uris) {
      const sessionIds = this.byUri.get(uri) ?? new Set<string>();
      this.byUri.set(uri, sessionIds.add(sessionId));
    }
  }
}
