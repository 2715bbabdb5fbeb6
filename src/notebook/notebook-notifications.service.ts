import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { McpSessions } from 'nestjs-mcp-sessions';
import { concatMap, type Subscription } from 'rxjs';
import { noteUri, type NotebookChange } from './note.js';
import { NotebookService } from './notebook.service.js';

/** Tells clients what changed in the notebook, whichever session changed it. */
@Injectable()
export class NotebookNotifications implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(NotebookNotifications.name);
  private subscription: Subscription | undefined;

  constructor(
    private readonly notebook: NotebookService,
    private readonly sessions: McpSessions,
  ) {}

  onModuleInit(): void {
    this.subscription = this.notebook.changes$.pipe(concatMap((change) => this.announce(change))).subscribe();
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }

  private async announce({ type, id }: NotebookChange): Promise<void> {
    try {
      if (type !== 'added') await this.sessions.notifyResourceUpdated(noteUri(id));
      if (type !== 'edited')
        await this.sessions.notifyAll({ method: 'notifications/resources/list_changed' });
    } catch (error) {
      this.logger.error('A change could not be announced', error);
    }
  }
}
