import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { noteUri } from '../note.js';
import type { NotebookService } from '../notebook.service.js';
import { text } from './text-result.js';

export function registerSearchNotes(server: McpServer, notebook: NotebookService): void {
  server.registerTool(
    'search_notes',
    {
      description: 'Finds notes by a text in their title or body; an empty text finds all',
      inputSchema: z.object({ query: z.string() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ query }) => {
      const found = await notebook.search(query);
      if (found.length === 0) return text('No note has this text.');
      return text(...found.map(({ id, title }) => `${noteUri(id)} ${title}`));
    },
  );
}
