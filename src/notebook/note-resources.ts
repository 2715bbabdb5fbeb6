import { ResourceNotFoundError, ResourceTemplate, type McpServer } from '@modelcontextprotocol/server';
import { noteIdOf, noteUri, type Note } from './note.js';
import type { NotebookService } from './notebook.service.js';

/** Registers the notes as resources `note://<id>`, to list, to read and to subscribe to. */
export function registerNoteResources(server: McpServer, notebook: NotebookService): void {
  const find = (uri: string): Note => {
    const note = notebook.get(noteIdOf(uri) ?? '');
    if (!note) throw new ResourceNotFoundError(uri);
    return note;
  };

  server.registerResource(
    'note',
    new ResourceTemplate('note://{id}', {
      list: () => ({
        resources: notebook
          .list()
          .map(({ id, title }) => ({ uri: noteUri(id), name: title, mimeType: 'text/plain' })),
      }),
    }),
    { title: 'Note', description: 'One note of the notebook', mimeType: 'text/plain' },
    ({ href: uri }) => ({ contents: [{ uri, mimeType: 'text/plain', text: find(uri).text }] }),
  );

  // The session remembers its subscriptions by itself; all there is to do here is to refuse unknown notes.
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    find(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
