import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { McpSessions } from 'nestjs-mcp-sessions';
import { NotebookService } from '../../src/notebook/notebook.service.js';
import { addNote, Notebook, textOf } from './support/notebook.js';

describe('tools of the notebook', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start();
  });
  afterEach(() => notebook.stop());

  it('finds in one session what another has added and edited', async () => {
    const [alice, bob] = [await notebook.connect(), await notebook.connect()];
    const id = await addNote(alice, 'Groceries', 'Milk');
    await addNote(alice, 'Books');

    const found = await bob.callTool({ name: 'search_notes', arguments: { query: 'MILK' } });
    expect(textOf(found)).toBe(`note://${id} Groceries`);

    await bob.callTool({ name: 'edit_note', arguments: { id, text: 'Bread' } });
    const gone = await alice.callTool({ name: 'search_notes', arguments: { query: 'milk' } });
    expect(textOf(gone)).toBe('No note has this text.');
    const all = await alice.callTool({ name: 'search_notes', arguments: { query: '' } });
    expect(textOf(all).split('\n')).toHaveLength(2);
  });

  it.each(['edit_note', 'delete_note'])('%s says that there is no such note', async (name) => {
    const client = await notebook.connect({ answer: 'accept' });
    const result = await client.callTool({ name, arguments: { id: 'none', text: '' } });
    expect(result).toMatchObject({ isError: true, content: [{ text: 'There is no note none.' }] });
  });

  it('shows the session, and never its id', async () => {
    const client = await notebook.connect();
    const id = await addNote(client, 'Groceries');
    await client.subscribeResource({ uri: `note://${id}` });

    const shown = textOf(await client.callTool({ name: 'show_session' }));
    expect(JSON.parse(shown)).toEqual({
      client: { name: 'test', version: '1.0.0' },
      protocolVersion: '2025-11-25',
      transport: 'streamable-http',
      principal: 'anybody',
      openedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      lastUsedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      subscriptions: [`note://${id}`],
      addedNotes: [id],
    });
    for await (const sessionId of notebook.app.get(McpSessions).list())
      expect(shown).not.toContain(sessionId);
  });

  it('shows which notes the session added, also those added at once', async () => {
    const client = await notebook.connect();
    const other = await notebook.connect();
    const ids = await Promise.all(['a', 'b', 'c'].map((title) => addNote(client, title)));
    await addNote(other, 'd');

    const shown = JSON.parse(textOf(await client.callTool({ name: 'show_session' }))) as {
      addedNotes: string[];
    };
    expect(shown.addedNotes.toSorted()).toEqual(ids.toSorted());
  });

  it('takes no more notes than it can hold', async () => {
    const client = await notebook.connect();
    const service = notebook.app.get(NotebookService);
    for (let count = 0; count < 1_000; count += 1) await service.add(`Note ${count}`, '', 'anybody');
    const result = await client.callTool({ name: 'add_note', arguments: { title: 'One more', text: '' } });
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('full') }] });
  });
});
