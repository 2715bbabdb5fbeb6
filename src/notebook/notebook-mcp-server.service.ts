import { McpServer } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import type { McpServerContext } from 'nestjs-mcp-sessions';
import { authorOf } from './note.js';
import { registerNoteResources } from './note-resources.js';
import { NotebookService } from './notebook.service.js';
import { registerAddNote } from './tools/add-note.tool.js';
import { registerDeleteNote } from './tools/delete-note.tool.js';
import { registerEditNote } from './tools/edit-note.tool.js';
import { registerExportNotes } from './tools/export-notes.tool.js';
import { registerSearchNotes } from './tools/search-notes.tool.js';
import { registerShowSession } from './tools/show-session.tool.js';

/** Makes the server object of a session: tools and resources over the notebook that all sessions share. */
@Injectable()
export class NotebookMcpServer {
  constructor(private readonly notebook: NotebookService) {}

  /** Called for new sessions, and again whenever a session needs another server object: nothing is kept in it. */
  create(context: McpServerContext): McpServer {
    const { sessionId, sessions } = context;
    const server = new McpServer(
      { name: 'notebook', title: 'Shared notebook', version: '0.1.0' },
      { capabilities: { resources: { subscribe: true, listChanged: true } } },
    );
    registerNoteResources(server, this.notebook);
    registerAddNote(server, this.notebook, authorOf(sessionId));
    registerEditNote(server, this.notebook);
    registerSearchNotes(server, this.notebook);
    registerDeleteNote(
      server,
      this.notebook,
      async () => (await sessions.get(sessionId))?.clientCapabilities,
    );
    registerExportNotes(server, this.notebook);
    registerShowSession(server, this.notebook, context);
    return server;
  }
}
