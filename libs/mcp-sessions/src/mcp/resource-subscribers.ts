import type { CompleteSessionStore } from '../session-store/session-store.interface.js';
import { SubscriptionIndex } from './subscription-index.js';

/** Which sessions subscribed to which resource, as the store says. What is not asked for is not read. */
export class ResourceSubscribers {
  private index: SubscriptionIndex | undefined;

  constructor(private readonly store: CompleteSessionStore) {}

  /** Ids of the sessions that are subscribed to the resource. */
  async of(uri: string): Promise<string[]> {
    const index = (this.index ??= new SubscriptionIndex(this.store));
    await index.bringUpToDate();
    return index.subscribersOf(uri);
  }

  /** Everything may be out of date: it is read again when it is asked for. */
  reload(): void {
    this.index = undefined;
  }

  /** The session's subscriptions have changed in the store. */
  changed(sessionId: string): void {
    this.index?.changed(sessionId);
  }

  remove(sessionId: string): void {
    this.index?.remove(sessionId);
  }
}
