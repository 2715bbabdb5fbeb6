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
    let remaining = messages;
    if (!this.runtimes.find(sessionId)) {
      // They cannot wait for a server object that is being made: it may be waiting for them.
      for (const message of messages.filter(isAboutQuestion)) await this.reply(sessionId, message, extra);
      remaining = messages.filter((message) => !isAboutQuestion(message));
      if (remaining.every(isAboutWork)) return this.access.assertStillThere(sessionId);
    }
    const runtime = await this.access.runtime(sessionId, metadata);
    try {
      await runtime.receiveAll(remaining, extra, NO_REPLY);
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

  /** Hands what the client says to a question to the server object that is being made here, or an answer to its instance. */
  private async reply(sessionId: string, message: JsonRpcMessage, extra: MessageExtra): Promise<void> {
    const transport = this.runtimes.transport(sessionId);
    if (transport) return transport.receive(message, extra, NO_REPLY);
    const { id, ...answer } = message;
    // A notification has none, and others have been told. An error without an id answers no request in particular.
    if (id !== undefined && id !== null)
      await this.streams.forwardInboundResponse?.({ ...answer, id }, sessionId);
  }
}

/** Whether this is an answer, or tells how far it is. */
function isAboutQuestion(message: JsonRpcMessage): boolean {
  return isResponse(message) || message.method === 'notifications/progress';
}

function isAboutWork({ method }: JsonRpcMessage): boolean {
  return ABOUT_WORK_IN_PROGRESS.has(method!);
}
