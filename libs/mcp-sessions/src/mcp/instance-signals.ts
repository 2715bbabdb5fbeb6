import {
  hasSignals,
  type ResumableStreamManager,
  type SessionSignals,
} from '../streams/stream-manager.interface.js';
import type { JsonRpcMessage } from './mcp-server.interface.js';

/** What one instance tells the others about a session. */
export type SessionSignal =
  | { type: 'ended'; reason: 'ended' | 'expired' }
  /** Its metadata changed; whether its subscriptions did. */
  | { type: 'changed'; subscriptions?: boolean }
  /** The client sent a notification, which is for every server object of the session. */
  | { type: 'notification'; message: JsonRpcMessage };

/** Tells the other instances what happens to sessions here, if the stream manager reaches any. */
export class InstanceSignals {
  private readonly signals: SessionSignals | undefined;

  constructor(streams: ResumableStreamManager) {
    if (hasSignals(streams)) this.signals = streams;
  }

  /** @throws StreamManagerUnavailableError the others cannot be told */
  async send(sessionId: string, signal: SessionSignal): Promise<void> {
    await this.signals?.signal(sessionId, signal);
  }

  onSignal(handler: (sessionId: string, signal: SessionSignal) => void): void {
    // What a newer version of this library says comes through, too: the handler knows what it knows.
    this.signals?.onSignal((sessionId, value) => handler(sessionId, value as SessionSignal));
  }

  /** @param handler called when signals may have been missed */
  onMissed(handler: () => void): void {
    this.signals?.onSignalsMissed(handler);
  }
}
