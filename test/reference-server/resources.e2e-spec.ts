import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { addNote, Notebook, receivedListChanges, receivedUpdates } from './support/notebook.js';

describe('resources of the notebook', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start();
  });
  afterEach(() => notebook.stop());

  it('lists and reads notes', async () => {
    const client = await notebook.connect();
    const uri = `note://${await addNote(client, 'Groceries', 'Milk')}`;

    expect((await client.listResources()).resources).toMatchObject([{ uri, name: 'Groceries' }]);
    expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([
      { uriTemplate: 'note://{id}' },
    ]);
    expect((await client.readResource({ uri })).contents).toMatchObject([{ uri, text: 'Milk' }]);
  });

  it.each(['note://none', 'other://none'])('knows no resource %s', async (uri) => {
    const client = await notebook.connect();
    await expect(client.readResource({ uri })).rejects.toThrow(/not found/i);
    await expect(client.subscribeResource({ uri })).rejects.toThrow(/not found/i);
  });

  it.each(['streamable-http', 'sse'] as const)(
    'tells subscribed sessions of every change, whoever made it, over %s',
    async (transport) => {
      const editor = await notebook.connect({ answer: 'accept' });
      const subscribers = [await notebook.connect({ transport }), await notebook.connect({ transport })];
      const bystander = await notebook.connect({ transport });
      const updates = subscribers.map(receivedUpdates);
      const missed = receivedUpdates(bystander);
      const id = await addNote(editor, 'Groceries');
      const uri = `note://${id}`;
      for (const client of subscribers) await client.subscribeResource({ uri });

      await editor.callTool({ name: 'edit_note', arguments: { id, text: 'Bread' } });
      for (const received of updates) expect(await received.atLeast(1)).toEqual([uri]);

      await subscribers[1]!.unsubscribeResource({ uri });
      await editor.callTool({ name: 'delete_note', arguments: { id } });
      expect(await updates[0]!.atLeast(2)).toEqual([uri, uri]);
      expect(updates[1]!.all).toEqual([uri]);
      expect(missed.all).toEqual([]);
    },
  );

  it('tells every session when the list has changed', async () => {
    const editor = await notebook.connect({ answer: 'accept' });
    const others = [await notebook.connect(), await notebook.connect({ transport: 'sse' })];
    const changes = [editor, ...others].map(receivedListChanges);

    const id = await addNote(editor, 'Groceries');
    for (const received of changes) await received.atLeast(1);
    await editor.callTool({ name: 'delete_note', arguments: { id } });
    for (const received of changes) expect(await received.atLeast(2)).toHaveLength(2);
  });
});
