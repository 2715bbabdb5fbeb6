import { ResourceNotFoundError, ResourceTemplate, type McpServer } from '@modelcontextprotocol/server';
import { noteIdOf, noteUri, type Note } from './note.js';
import type { NotebookService } from './notebook.service.js';

/** Registers the notes as resources `note://<id>`, to list, to read and to subscribe to. */
export function registerNoteResources(server: McpServer, notebook: NotebookService): void {
  const find = async (uri: string): Promise<Note> => {
    const note = await notebook.get(noteIdOf(uri) ?? '');
    if (!note) throw new ResourceNotFoundError(uri);
    return note;
  };

  server.registerResource(
    'note',
    new ResourceTemplate('note://{id}', {
      list: async () => {
        const notes = await notebook.list();
        return {
          resources: notes.map(({ id, title }) => ({
            uri: noteUri(id),
            name: title,
            mimeType: 'text/plain',
          })),
        };
      },
    }),
    { title: 'Note', description: 'One note of the notebook', mimeType: 'text/plain' },
    async ({ href: uri }) => {
      const { text } = await find(uri);
      return { contents: [{ uri, mimeType: 'text/plain', text }] };
    },
  );

  // The session remembers its subscriptions by itself; all there is to do here is to refuse unknown notes.
  server.server.setRequestHandler('resources/subscribe', async ({ params }) => {
    await find(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
