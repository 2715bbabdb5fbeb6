import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { addNote, Notebook, textOf, type ConnectOptions } from './support/notebook.js';

describe('delete_note', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start();
  });
  afterEach(() => notebook.stop());

  async function deleteNote(options: ConnectOptions): Promise<{ answer: string; left: string }> {
    const client = await notebook.connect(options);
    const id = await addNote(client, 'Groceries');
    const answer = await client.callTool({ name: 'delete_note', arguments: { id } });
    const left = await client.callTool({ name: 'search_notes', arguments: { query: '' } });
    return { answer: textOf(answer), left: textOf(left) };
  }

  it.each(['streamable-http', 'sse'] as const)('deletes when the user agrees, over %s', async (transport) => {
    const { answer, left } = await deleteNote({ transport, answer: 'accept' });
    expect(answer).toBe('Deleted "Groceries"');
    expect(left).toBe('No note has this text.');
  });

  it.each(['decline', 'cancel'] as const)('deletes nothing when the user answers: %s', async (answer) => {
    const outcome = await deleteNote({ answer });
    expect(outcome.answer).toBe('The user did not agree; "Groceries" is still there.');
    expect(outcome.left).toContain('Groceries');
  });

  it('deletes nothing when the client cannot ask its user, and says so', async () => {
    const { answer, left } = await deleteNote({});
    expect(answer).toContain('lacks the capability "elicitation"');
    expect(left).toContain('Groceries');
  });

  it('says so when another session was faster', async () => {
    const [slow, fast] = [
      await notebook.connect({ answer: 'accept' }),
      await notebook.connect({ answer: 'accept' }),
    ];
    const id = await addNote(fast, 'Groceries');
    slow.setRequestHandler('elicitation/create', async () => {
      await fast.callTool({ name: 'delete_note', arguments: { id } });
      return { action: 'accept', content: {} };
    });
    const answer = await slow.callTool({ name: 'delete_note', arguments: { id } });
    expect(textOf(answer)).toBe(`There is no note ${id}.`);
  });
});
