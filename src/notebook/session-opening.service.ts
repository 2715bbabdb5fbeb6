import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { McpSessions } from 'nestjs-mcp-sessions';
import { filter, mergeMap, type Subscription } from 'rxjs';

/** The notebook's own data of a session: plain JSON, stored with it, so that it survives restarts. */
export interface NotebookSessionData {
  /** When the session was opened, as an ISO date. */
  openedAt?: string;
}

/** Remembers with each new session when it was opened. */
@Injectable()
export class SessionOpening implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(SessionOpening.name);
  private subscription: Subscription | undefined;

  constructor(private readonly sessions: McpSessions) {}

  onModuleInit(): void {
    this.subscription = this.sessions.events$
      .pipe(
        filter(({ type }) => type === 'created'),
        mergeMap(({ sessionId }) => this.remember(sessionId)),
      )
      .subscribe();
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }

  private async remember(sessionId: string): Promise<void> {
    const data: NotebookSessionData = { openedAt: new Date().toISOString() };
    try {
      await this.sessions.setData(sessionId, { ...data });
    } catch (error) {
      this.logger.warn(`The opening of a session could not be noted: ${String(error)}`);
    }
  }
}
