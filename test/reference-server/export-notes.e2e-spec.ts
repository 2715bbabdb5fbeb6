import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Progress } from '@modelcontextprotocol/client';
import { addNote, Notebook, textOf } from './support/notebook.js';

describe('export_notes', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start();
  });
  afterEach(() => notebook.stop());

  it.each(['streamable-http', 'sse'] as const)('reports its progress, over %s', async (transport) => {
    const client = await notebook.connect({ transport });
    await addNote(client, 'Groceries', 'Milk');
    await addNote(client, 'Books', 'Emma');
    const progress: Progress[] = [];

    const exported = await client.callTool(
      { name: 'export_notes', arguments: { pauseMs: 20 } },
      { onprogress: (step) => progress.push(step) },
    );

    expect(textOf(exported)).toBe('# Groceries\n\nMilk\n\n# Books\n\nEmma\n');
    expect(progress).toMatchObject([
      { progress: 1, total: 2, message: 'Groceries' },
      { progress: 2, total: 2, message: 'Books' },
    ]);
  });

  it('is quiet when the client asked for no progress', async () => {
    const client = await notebook.connect();
    await addNote(client, 'Groceries', 'Milk');
    const exported = await client.callTool({ name: 'export_notes', arguments: { pauseMs: 0 } });
    expect(textOf(exported)).toContain('Milk');
  });

  it('stops working when the client cancels', async () => {
    const client = await notebook.connect();
    for (const title of ['a', 'b', 'c']) await addNote(client, title);
    const cancelling = new AbortController();

    const call = client.callTool(
      { name: 'export_notes', arguments: { pauseMs: 5_000 } },
      { signal: cancelling.signal, onprogress: () => cancelling.abort('enough') },
    );
    await expect(call).rejects.toThrow('enough');

    // A shutdown waits for requests in progress: here is none any more.
    await client.callTool({ name: 'show_session' });
    const before = Date.now();
    await notebook.stop();
    expect(Date.now() - before).toBeLessThan(2_000);
  });
});
