import type { Observable } from 'rxjs';
import { SessionNotFoundError } from '../common/errors.js';
import type { CompleteSessionStore, SessionMetadata } from '../session-store/session-store.interface.js';
import { messageFrame } from '../streams/sse-frame.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import type { McpNotification } from './mcp-server.interface.js';
import type { ResourceSubscribers } from './resource-subscribers.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import type { SessionLifecycleEvent } from './session-lifecycle-event.interface.js';

/**
 * The application's access to its sessions: to notify clients, to inspect and end sessions, to keep data with
 * them. Inject it by its class, or with `@InjectMcpSessions(name)` for a named registration.
 */
export class McpSessions {
  /** What happens to sessions on this instance. Never completes before the application shuts down. */
  readonly events$: Observable<SessionLifecycleEvent>;

  /** @internal Made by the module. */
  constructor(
    private readonly store: CompleteSessionStore,
    private readonly streams: ResumableStreamManager,
    private readonly subscribers: ResourceSubscribers,
    private readonly lifecycle: SessionLifecycle,
  ) {
    this.events$ = lifecycle.events$;
  }

  /**
   * Sends a notification to one session or to several, on their main stream, wherever that is. A client that is
   * away for the moment receives it when it is back, within the retention of the stream manager.
   *
   * @throws SessionNotFoundError some of the sessions do not exist; the others have been sent to
   * @throws SessionStoreUnavailableError the store cannot be reached; nothing has been sent
   */
  async notify(sessionIds: string | readonly string[], notification: McpNotification): Promise<void> {
    const ids = typeof sessionIds === 'string' ? [sessionIds] : sessionIds;
    const exists = await Promise.all(ids.map((id) => this.store.has(id)));
    const found = ids.filter((_, index) => exists[index]);
    if (found.length > 0) await this.streams.send(found, notificationFrame(notification));
    if (found.length < ids.length) throw new SessionNotFoundError(ids.filter((_, index) => !exists[index]));
  }

  /** Sends a notification to every session, at the cost of one however many there are. */
  async notifyAll(notification: McpNotification): Promise<void> {
    await this.streams.send(undefined, notificationFrame(notification));
  }

  /**
   * Sends `notifications/resources/updated` to the sessions that subscribed to the resource (MCP 2025-11-25,
   * server/resources, Subscriptions).
   */
  async notifyResourceUpdated(uri: string): Promise<void> {
    const sessionIds = await this.existing(await this.subscribers.of(uri));
    if (sessionIds.length === 0) return;
    const frame = notificationFrame({ method: 'notifications/resources/updated', params: { uri } });
    await this.streams.send(sessionIds, frame);
  }

  /** The session's metadata, or `null`. Does not keep the session alive. */
  get(sessionId: string): Promise<SessionMetadata | null> {
    return this.store.get(sessionId);
  }

  /** The ids of all sessions, of every instance, a batch at a time. */
  list(options?: { batch?: number }): AsyncIterable<string> {
    return this.store.scan(options);
  }

  /** Whether the session's main stream is connected, on any instance. */
  isConnected(sessionId: string): Promise<boolean> {
    return this.streams.has(sessionId);
  }

  /** The application's own data of the session; empty if it has none. @throws SessionNotFoundError */
  async getData(sessionId: string): Promise<Record<string, unknown>> {
    const metadata = await this.store.get(sessionId);
    if (!metadata) throw new SessionNotFoundError([sessionId]);
    return metadata.data ?? {};
  }

  /** Replaces the application's own data of the session: plain JSON. @throws SessionNotFoundError */
  async setData(sessionId: string, data: object): Promise<void> {
    if (!(await this.store.update(sessionId, { data: { ...data } })))
      throw new SessionNotFoundError([sessionId]);
  }

  /**
   * Ends a session: it is 404 for its client from now on, its streams are closed, and requests in progress are
   * answered with an error. Resolves also when there is none.
   */
  async end(sessionId: string): Promise<void> {
    await this.lifecycle.end(sessionId);
  }

  /** Those of the sessions that the store has; the others are not subscribers any more. */
  private async existing(sessionIds: string[]): Promise<string[]> {
    const exists = await Promise.all(sessionIds.map((sessionId) => this.store.has(sessionId)));
    for (const [index, sessionId] of sessionIds.entries()) {
      if (!exists[index]) this.subscribers.remove(sessionId);
    }
    return sessionIds.filter((_, index) => exists[index]);
  }
}

function notificationFrame({ method, params }: McpNotification): string {
  return messageFrame({ jsonrpc: '2.0', method, ...(params && { params }) });
}
