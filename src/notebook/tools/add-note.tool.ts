import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { noteUri } from '../note.js';
import type { NotebookService } from '../notebook.service.js';
import { text } from './text-result.js';

export function registerAddNote(server: McpServer, notebook: NotebookService, author: string): void {
  server.registerTool(
    'add_note',
    {
      description: 'Adds a note to the notebook',
      inputSchema: z.object({ title: z.string().min(1).max(200), text: z.string().max(10_000) }),
      annotations: { destructiveHint: false, openWorldHint: false },
    },
    async (note) => {
      const { id } = await notebook.add(note.title, note.text, author);
      return text(`Added ${noteUri(id)}`);
    },
  );
}
