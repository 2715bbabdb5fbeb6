import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { McpSessions } from 'nestjs-mcp-sessions';
import { noteUri, type NotebookChange } from './note.js';
import { NotebookService } from './notebook.service.js';

/** Tells clients what changed in the notebook, whichever session changed it, and wherever they are connected. */
@Injectable()
export class NotebookNotifications implements OnModuleInit {
  private readonly logger = new Logger(NotebookNotifications.name);

  constructor(
    private readonly notebook: NotebookService,
    private readonly sessions: McpSessions,
  ) {}

  /** The tool answers after that: a shutdown waits for requests in progress, so what they change is told as well. */
  onModuleInit(): void {
    this.notebook.onChange((change) => this.announce(change));
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
