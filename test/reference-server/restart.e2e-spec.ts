import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { addNote, receivedListChanges, textOf } from './support/notebook.js';
import { NotebookProcess } from './support/notebook-process.js';

describe('a restart of the notebook', () => {
  let cwd: string;
  let server: NotebookProcess;
  let client: Client;
  beforeEach(async () => {
    client = new Client({ name: 'restart', version: '1.0.0' });
    cwd = await mkdtemp(join(tmpdir(), 'notebook-'));
    server = await NotebookProcess.start({ cwd });
  });
  afterEach(async () => {
    await client.close();
    await server.stop();
    await rm(cwd, { recursive: true });
  });

  it('goes unnoticed by a client in the middle of its session', async () => {
    const changes = receivedListChanges(client);
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), {
        reconnectionOptions: {
          initialReconnectionDelay: 100,
          maxReconnectionDelay: 1_000,
          reconnectionDelayGrowFactor: 1,
          maxRetries: 50,
        },
      }),
    );
    const id = await addNote(client, 'Groceries');
    await client.subscribeResource({ uri: `note://${id}` });
    await changes.atLeast(1);

    const { openedAt } = await sessionOf(client);
    const { port } = server;
    expect([0, 'SIGTERM']).toContain(await server.stop());
    server = await NotebookProcess.start({ cwd, port });

    expect(await sessionOf(client)).toMatchObject({
      client: { name: 'restart' },
      subscriptions: [`note://${id}`],
      openedAt,
    });
    // The server told the client when to come back for notifications: a moment later, not all clients at once.
    while ((await streams(server.url)) === 0) await delay(50);
    await addNote(client, 'Books');
    expect(await changes.atLeast(2)).toHaveLength(2);
  }, 20_000);
});

/** What the server knows of the client's session. */
async function sessionOf(client: Client): Promise<{ openedAt: string }> {
  return JSON.parse(textOf(await client.callTool({ name: 'show_session' }))) as { openedAt: string };
}

/** Open SSE streams, as the server counts them. */
async function streams(url: string): Promise<number> {
  const health = (await (await fetch(`${url}/health`)).json()) as { mcp: { streams: number } };
  return health.mcp.streams;
}
