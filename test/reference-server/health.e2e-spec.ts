import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CallToolResult } from '@modelcontextprotocol/client';
import { addNote, Notebook } from './support/notebook.js';

describe('GET /health', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start();
  });
  afterEach(() => notebook.stop());

  it('is up, and counts', async () => {
    await notebook.connect();
    const response = await fetch(`${notebook.url}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ mcp: { status: 'up', sessions: 1, runtimes: 1 } });
  });

  it('is down while a shutdown waits for a call in progress, which is still answered', async () => {
    const client = await notebook.connect();
    await addNote(client, 'Groceries', 'Milk');
    await addNote(client, 'Books', 'Emma');
    let call: Promise<CallToolResult> | undefined;
    await new Promise<void>((started) => {
      call = client.callTool(
        { name: 'export_notes', arguments: { pauseMs: 150 } },
        { onprogress: () => started() },
      );
    });
    const closed = notebook.app.close();

    const response = await fetch(`${notebook.url}/health`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ mcp: { status: 'down' } });
    expect(await call).toMatchObject({ content: [{ text: expect.stringContaining('Emma') }] });
    await closed;
  });
});
