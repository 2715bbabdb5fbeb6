import { inputRequired, inputResponse, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { NotebookService } from '../notebook.service.js';
import { failure, text } from './text-result.js';

/** @param clientCapabilities what the client declared when it opened the session */
export function registerDeleteNote(
  server: McpServer,
  notebook: NotebookService,
  clientCapabilities: () => Promise<Record<string, unknown> | undefined>,
): void {
  server.registerTool(
    'delete_note',
    {
      description: 'Deletes a note, after the user has confirmed it',
      inputSchema: z.object({ id: z.string() }),
      annotations: { destructiveHint: true, openWorldHint: false },
    },
    async ({ id }, { mcpReq }) => {
      const note = await notebook.get(id);
      if (!note) return failure(`There is no note ${id}.`);

      // The SDK asks the client what this returns, and calls the tool once more with the answer.
      const answer = inputResponse(mcpReq.inputResponses, 'confirmation');
      if (answer.kind !== 'elicit') {
        if (!(await clientCapabilities())?.elicitation) {
          return failure(
            'This client cannot ask its user (it lacks the capability "elicitation"), so nothing was deleted.',
          );
        }
        const question = inputRequired.elicit({
          message: `Delete the note "${note.title}"?`,
          requestedSchema: { type: 'object', properties: {} },
        });
        return inputRequired({ inputRequests: { confirmation: question } });
      }

      if (answer.action !== 'accept') return text(`The user did not agree; "${note.title}" is still there.`);
      if (!(await notebook.delete(id))) return failure(`There is no note ${id}.`);
      return text(`Deleted "${note.title}"`);
    },
  );
}
