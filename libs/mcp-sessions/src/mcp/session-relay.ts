import type { SessionMetadata } from '../session-store/session-store.interface.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import type { InstanceSignals } from './instance-signals.js';
import { isNotification, isResponse } from './json-rpc.js';
import type { JsonRpcMessage, MessageExtra } from './mcp-server.interface.js';
import { NO_REPLY } from './reply.js';
import type { SessionAccess } from './session-access.js';
import type { SessionRuntimes } from './session-runtimes.js';

/** Notifications about what a server object is doing: one that is not there does nothing. */
const ABOUT_WORK_IN_PROGRESS = new Set([
  'notifications/cancelled',
  'notifications/progress',
  'notifications/initialized',
]);

/**
 * Brings the client's messages that ask for nothing to the server objects that they concern, on whichever instance those
 * are: an answer to the one that asked, a notification to all of the session.
 */
export class SessionRelay {
  constructor(
    private readonly access: SessionAccess,
    private readonly runtimes: SessionRuntimes,
    private readonly streams: ResumableStreamManager,
    private readonly signals: InstanceSignals,
  ) {}

  /** Brings all messages of a POST that has no requests to where they belong. */
  async relay(
    sessionId: string,
    metadata: SessionMetadata,
    messages: readonly JsonRpcMessage[],
    extra: MessageExtra,
  ): Promise<void> {
    await this.tellOthers(sessionId, messages);
    const needsServer = messages.some((message) => isNotification(message) && !isAboutWork(message));
    if (!needsServer && !this.runtimes.find(sessionId)) {
      for (const message of messages.filter(isResponse)) await this.forward(sessionId, message);
      return this.access.assertStillThere(sessionId);
    }
    const runtime = await this.access.runtime(sessionId, metadata);
    try {
      await runtime.receiveAll(messages, extra, NO_REPLY);
    } catch (error) {
      if (runtime.transport.isClosed) await this.access.assertStillThere(sessionId);
      throw error;
    } finally {
      this.access.release(runtime);
    }
  }

  /** Tells the other instances of the notifications among these messages. */
  async tellOthers(sessionId: string, messages: readonly JsonRpcMessage[]): Promise<void> {
    for (const message of messages.filter(isNotification)) {
      await this.signals.send(sessionId, { type: 'notification', message });
    }
  }

  private async forward(sessionId: string, { id, ...answer }: JsonRpcMessage): Promise<void> {
    // An error without an id answers no request in particular.
    if (id !== undefined && id !== null)
      await this.streams.forwardInboundResponse?.({ ...answer, id }, sessionId);
  }
}

function isAboutWork({ method }: JsonRpcMessage): boolean {
  return ABOUT_WORK_IN_PROGRESS.has(method!);
}
