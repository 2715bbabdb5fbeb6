import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import type { InstanceSignals, SessionSignal } from './instance-signals.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import type { ResourceSubscribers } from './resource-subscribers.js';
import type { SessionRuntimes } from './session-runtimes.js';

/** Does on this instance what other instances say has happened to a session. */
export class SignalReceiver {
  private readonly logger = new Logger(SignalReceiver.name);

  constructor(
    signals: InstanceSignals,
    private readonly lifecycle: SessionLifecycle,
    private readonly runtimes: SessionRuntimes,
    private readonly subscribers: ResourceSubscribers,
  ) {
    signals.onSignal((sessionId, signal) => this.logFailure(sessionId, this.receive(sessionId, signal)));
    signals.onMissed(() => this.readAgain());
  }

  private async receive(sessionId: string, signal: SessionSignal): Promise<void> {
    switch (signal.type) {
      case 'ended':
        return this.lifecycle.forgetHere(sessionId, signal.reason);
      case 'changed':
        if (signal.subscriptions) this.subscribers.changed(sessionId);
        return this.runtimes.refresh(sessionId);
      case 'notification':
        return (await this.runtimes.findOrAwait(sessionId))?.transport.receiveSignalled(signal.message);
    }
  }

  /** Signals may have been missed: the store knows what has become of the sessions that are served here. */
  private readAgain(): void {
    this.subscribers.reload();
    for (const sessionId of this.runtimes.sessionIds()) {
      this.logFailure(sessionId, this.runtimes.refresh(sessionId));
    }
  }

  private logFailure(sessionId: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.logger.error(`Session ${logSafeId(sessionId)} could not be brought up to date`, error);
    });
  }
}
