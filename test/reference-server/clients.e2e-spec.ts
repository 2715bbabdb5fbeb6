import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { addNote, Notebook, textOf, type ConnectOptions } from './support/notebook.js';

describe('clients of both SDKs', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start();
  });
  afterEach(() => notebook.stop());

  const transports: NonNullable<ConnectOptions['transport']>[] = ['streamable-http', 'sse'];

  it.each(transports)('v2 over %s', async (transport) => {
    const client = await notebook.connect({ transport });
    await addNote(client, 'Groceries');
    const found = await client.callTool({ name: 'search_notes', arguments: { query: 'gro' } });
    expect(textOf(found)).toContain('Groceries');
  });

  it.each(transports)('v1 over %s, elicitation included', async (transport) => {
    const client = new ClientV1({ name: 'v1', version: '1.0.0' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
    const connection =
      transport === 'sse'
        ? new SseV1(new URL(`${notebook.url}/mcp/sse`))
        : new HttpV1(new URL(`${notebook.url}/mcp`));
    await client.connect(connection);
    try {
      const added = await client.callTool({ name: 'add_note', arguments: { title: 'Groceries', text: '' } });
      const [, id] = /note:\/\/(\S+)/.exec(JSON.stringify(added.content))!;
      const deleted = await client.callTool({
        name: 'delete_note',
        arguments: { id: id!.replace(/\W+$/, '') },
      });
      expect(deleted.content).toMatchObject([{ text: 'Deleted "Groceries"' }]);
    } finally {
      await client.close();
    }
  });
});
