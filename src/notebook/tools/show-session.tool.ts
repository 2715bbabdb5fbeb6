import type { McpServer } from '@modelcontextprotocol/server';
import type { SessionMetadata } from 'nestjs-mcp-sessions';
import type { SessionJournal } from '../session-journal.js';
import { failure, text } from './text-result.js';

/** @param metadata what the store keeps of the session */
export function registerShowSession(
  server: McpServer,
  journal: SessionJournal,
  metadata: () => Promise<SessionMetadata | null>,
): void {
  server.registerTool(
    'show_session',
    {
      description: 'Shows what the server knows about the session of this client',
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async () => {
      const session = await metadata();
      if (!session) return failure('The session has ended.');
      const { openedAt, addedNotes = [] } = await journal.read();
      // Not the session id: whoever reads it in a transcript could use it.
      const shown = {
        client: session.clientInfo,
        protocolVersion: session.protocolVersion,
        transport: session.transportType ?? 'streamable-http',
        principal: session.principal ?? 'anybody',
        openedAt,
        lastUsedAt: new Date(session.lastAccessedAt).toISOString(),
        subscriptions: session.subscriptions ?? [],
        addedNotes,
      };
      return text(JSON.stringify(shown, undefined, 2));
    },
  );
}
