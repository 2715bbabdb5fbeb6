import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { InMemoryNoteStore } from './in-memory-note-store.js';
import { NoteStore } from './note-store.js';
import { NotebookNotifications } from './notebook-notifications.service.js';
import { NotebookMcpServer } from './notebook-mcp-server.service.js';
import { NotebookService } from './notebook.service.js';
import { RedisNoteStore } from './redis-note-store.js';
import { SessionOpening } from './session-opening.service.js';

/** Notes are where the sessions are, if that is Redis: what one instance has added, the others then find. */
function createNoteStore(config: ConfigService): NoteStore {
  if (config.get('MCP_SESSIONS_STORE') !== 'redis') return new InMemoryNoteStore();
  // If neither is set, McpSessionsModule says so, and the application does not start.
  return new RedisNoteStore(config.get('MCP_SESSIONS_REDIS_URL') || config.get('REDIS_URL', ''));
}

@Module({
  imports: [ConfigModule],
  providers: [
    { provide: NoteStore, inject: [ConfigService], useFactory: createNoteStore },
    NotebookService,
    NotebookMcpServer,
    NotebookNotifications,
    SessionOpening,
  ],
  exports: [NotebookService, NotebookMcpServer],
})
export class NotebookModule {}
