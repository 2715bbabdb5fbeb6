import { Subject, type Observable } from 'rxjs';
import type { CompleteSessionStore } from '../session-store/session-store.interface.js';
import { MAIN_STREAM_KEY, type ResumableStreamManager } from '../streams/stream-manager.interface.js';
import type { InstanceSignals } from './instance-signals.js';
import type { ResourceSubscribers } from './resource-subscribers.js';
import type { SessionCensus } from './session-census.js';
import type { SessionLifecycleEvent } from './session-lifecycle-event.interface.js';
import type { SessionRuntimes } from './session-runtimes.js';
import { StreamDeletion } from './stream-deletion.js';

/** What has to happen on this instance, and on the others, when a session begins, goes on or ends. */
export class SessionLifecycle {
  private readonly events = new Subject<SessionLifecycleEvent>();
  private readonly deletion: StreamDeletion;

  readonly events$: Observable<SessionLifecycleEvent> = this.events.asObservable();

  constructor(
    private readonly store: CompleteSessionStore,
    private readonly streams: ResumableStreamManager,
    private readonly runtimes: SessionRuntimes,
    private readonly census: SessionCensus,
    private readonly subscribers: ResourceSubscribers,
    private readonly signals: InstanceSignals,
  ) {
    this.deletion = new StreamDeletion(streams);
  }

  /** Ends a session. Resolves also when there is none. */
  async end(sessionId: string): Promise<void> {
    await this.store.delete(sessionId);
    await this.forget(sessionId, 'ended');
  }

  /** Lets go, on every instance, of a session that the store no longer has. */
  async forget(sessionId: string, type: 'ended' | 'expired'): Promise<void> {
    // The others are told first: what they are doing for the client is answered while its streams are there.
    await this.signals.send(sessionId, { type: 'ended', reason: type });
    const known = await this.letGo(sessionId);
    await this.deletion.delete(sessionId);
    if (known) this.events.next({ type, sessionId });
  }

  /** Lets go of a session that another instance has ended. */
  async forgetHere(sessionId: string, type: 'ended' | 'expired'): Promise<void> {
    const isServed = this.runtimes.serves(sessionId);
    const known = await this.letGo(sessionId);
    // Streams were left for the answers; and what the server object said at its end may have begun others.
    if (isServed) await this.deletion.delete(sessionId);
    if (known) this.events.next({ type, sessionId });
  }

  async created(sessionId: string, principal: string | undefined): Promise<void> {
    this.census.see(sessionId, principal);
    // The main stream starts here: what is sent before the client connects to it waits there.
    await this.streams.position({ sessionId, key: MAIN_STREAM_KEY });
    this.events.next({ type: 'created', sessionId });
  }

  async resumed(sessionId: string): Promise<void> {
    await this.streams.position({ sessionId, key: MAIN_STREAM_KEY });
    this.events.next({ type: 'resumed', sessionId });
  }

  complete(): void {
    this.deletion.stop();
    this.events.complete();
  }

  /** @returns whether this instance knew the session, or was at work for it */
  private async letGo(sessionId: string): Promise<boolean> {
    const isKnown = this.census.remove(sessionId);
    this.subscribers.remove(sessionId);
    const isServed = this.runtimes.serves(sessionId);
    if (isServed) await this.runtimes.drop(sessionId);
    return isKnown || isServed;
  }
}
