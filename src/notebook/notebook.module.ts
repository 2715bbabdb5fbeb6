import { Module } from '@nestjs/common';
import { NotebookNotifications } from './notebook-notifications.service.js';
import { NotebookMcpServer } from './notebook-mcp-server.service.js';
import { NotebookService } from './notebook.service.js';
import { SessionOpening } from './session-opening.service.js';

@Module({
  providers: [NotebookService, NotebookMcpServer, NotebookNotifications, SessionOpening],
  exports: [NotebookService, NotebookMcpServer],
})
export class NotebookModule {}
