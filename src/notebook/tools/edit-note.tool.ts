import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { noteUri } from '../note.js';
import type { NotebookService } from '../notebook.service.js';
import { failure, text } from './text-result.js';

export function registerEditNote(server: McpServer, notebook: NotebookService): void {
  server.registerTool(
    'edit_note',
    {
      description: 'Replaces the text of a note',
      inputSchema: z.object({ id: z.string(), text: z.string().max(10_000) }),
      annotations: { idempotentHint: true, openWorldHint: false },
    },
    async (note) => {
      if (!(await notebook.edit(note.id, note.text))) return failure(`There is no note ${note.id}.`);
      return text(`Edited ${noteUri(note.id)}`);
    },
  );
}
