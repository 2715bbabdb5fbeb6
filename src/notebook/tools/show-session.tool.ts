import type { McpServer } from '@modelcontextprotocol/server';
import type { McpServerContext } from 'nestjs-mcp-sessions';
import { authorOf } from '../note.js';
import type { NotebookService } from '../notebook.service.js';
import type { NotebookSessionData } from '../session-opening.service.js';
import { failure, text } from './text-result.js';

export function registerShowSession(
  server: McpServer,
  notebook: NotebookService,
  { sessionId, sessions }: McpServerContext,
): void {
  server.registerTool(
    'show_session',
    {
      description: 'Shows what the server knows about the session of this client',
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async () => {
      const session = await sessions.get(sessionId);
      if (!session) return failure('The session has ended.');
      const { openedAt }: NotebookSessionData = await sessions.getData(sessionId);
      const added = (await notebook.list()).filter(({ addedBy }) => addedBy === authorOf(sessionId));
      // Not the session id: whoever reads it in a transcript could use it.
      const shown = {
        client: session.clientInfo,
        protocolVersion: session.protocolVersion,
        transport: session.transportType ?? 'streamable-http',
        principal: session.principal ?? 'anybody',
        openedAt,
        lastUsedAt: new Date(session.lastAccessedAt).toISOString(),
        subscriptions: session.subscriptions ?? [],
        addedNotes: added.map(({ id }) => id),
      };
      return text(JSON.stringify(shown, undefined, 2));
    },
  );
}
