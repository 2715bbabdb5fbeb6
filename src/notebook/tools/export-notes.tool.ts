import type { McpServer } from '@modelcontextprotocol/server';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { NotebookService } from '../notebook.service.js';
import { text } from './text-result.js';

export function registerExportNotes(server: McpServer, notebook: NotebookService): void {
  server.registerTool(
    'export_notes',
    {
      description:
        'Exports all notes as Markdown, slowly: a long call that reports progress and can be cancelled',
      inputSchema: z.object({
        pauseMs: z.number().int().min(0).max(10_000).default(500).describe('How long each note takes'),
      }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ pauseMs }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      const notes = await notebook.list();
      const exported: string[] = [];
      for (const { title, text: body } of notes) {
        exported.push(`# ${title}\n\n${body}\n`);
        if (progressToken !== undefined) {
          await mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress: exported.length, total: notes.length, message: title },
          });
        }
        // Rejects when the client cancels the call: nobody waits for the rest.
        await delay(pauseMs, undefined, { signal: mcpReq.signal });
      }
      return text(...exported);
    },
  );
}
