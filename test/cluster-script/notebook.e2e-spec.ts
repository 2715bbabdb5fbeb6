import { expect, test } from '@jest/globals';
import type { Client, Progress } from '@modelcontextprotocol/client';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  addNote,
  connect,
  receivedListChanges,
  receivedUpdates,
  textOf,
  type ConnectOptions,
} from '../reference-server/support/notebook.js';
import { cleanUpLater } from '../support/clean-up.js';
import { within } from '../support/eventually.js';
import { ClusterScript } from './support/cluster-script.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/notebook-client.mjs', import.meta.url));

async function connected(cluster: ClusterScript, options: ConnectOptions = {}): Promise<Client> {
  const client = await connect(cluster.origin, options);
  cleanUpLater(() => client.close());
  return client;
}

/** One after the other: through the proxy, each call goes to the next of the three instances. */
async function onEachInstance<T>(call: () => Promise<T>): Promise<T[]> {
  return [await call(), await call(), await call()];
}

function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  return client.callTool({ name, arguments: args }).then(textOf);
}

test('P1 the notebook is one on three instances: notes, resources, questions, progress, notifications', async () => {
  const cluster = await ClusterScript.started();
  const editor = await connected(cluster, { answer: 'accept' });
  const others = [
    await connected(cluster),
    await connected(cluster),
    await connected(cluster, { transport: 'sse' }),
  ];
  const everyone = [editor, ...others];
  const listChanges = everyone.map(receivedListChanges);
  const updates = everyone.map(receivedUpdates);
  const bystander = receivedUpdates(await connected(cluster));

  const ids: string[] = [];
  for (const title of ['Groceries', 'Books', 'Errands']) ids.push(await addNote(editor, title, 'Milk'));
  const [id] = ids as [string];
  const uri = `note://${id}`;
  for (const received of listChanges) await within('news of the notes', received.atLeast(3));

  const all = 'Groceries Books Errands'.split(' ').map((title, index) => `note://${ids[index]} ${title}`);
  for (const client of everyone) {
    const found = await onEachInstance(() => call(client, 'search_notes', { query: 'milk' }));
    expect(found).toEqual(Array(3).fill(all.join('\n')));
  }
  for (const { resources } of await onEachInstance(() => editor.listResources()))
    expect(resources.map(({ name }) => name)).toEqual(['Groceries', 'Books', 'Errands']);

  for (const client of everyone) await client.subscribeResource({ uri });
  expect(await call(others[0]!, 'edit_note', { id, text: 'Bread' })).toBe(`Edited ${uri}`);
  for (const received of updates) expect(await within('the update', received.atLeast(1))).toEqual([uri]);
  for (const { contents } of await onEachInstance(() => editor.readResource({ uri })))
    expect(contents).toMatchObject([{ uri, text: 'Bread' }]);

  const progress: Progress[] = [];
  const exported = await editor.callTool(
    { name: 'export_notes', arguments: { pauseMs: 10 } },
    { onprogress: (step) => progress.push(step) },
  );
  expect(textOf(exported)).toBe('# Groceries\n\nBread\n\n# Books\n\nMilk\n\n# Errands\n\nMilk\n');
  expect(progress.map(({ message }) => message)).toEqual(['Groceries', 'Books', 'Errands']);

  expect(await call(editor, 'delete_note', { id })).toBe('Deleted "Groceries"');
  for (const received of updates) expect(await within('the end', received.atLeast(2))).toEqual([uri, uri]);
  for (const received of listChanges) await within('news of the end', received.atLeast(4));
  expect(await onEachInstance(() => call(editor, 'edit_note', { id, text: 'Tea' }))).toEqual(
    Array(3).fill(`There is no note ${id}.`),
  );
  await expect(editor.readResource({ uri })).rejects.toThrow(/not found/i);
  expect(bystander.all).toEqual([]);

  const addedAtOnce = await Promise.all(['a', 'b', 'c'].map((title) => addNote(others[0]!, title)));
  for (const shown of await onEachInstance(() => call(others[0]!, 'show_session')))
    expect((JSON.parse(shown) as { addedNotes: string[] }).addedNotes.toSorted()).toEqual(
      addedAtOnce.toSorted(),
    );
}, 60_000);

test('examples/notebook-client.mjs runs to its end against three instances', async () => {
  const cluster = await ClusterScript.started();
  const { NODE_OPTIONS: _, ...env } = process.env;

  // Rejects if the example does not exit with 0.
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE, cluster.url], { env });

  expect(stdout).toContain('has changed');
  expect(stdout).toContain('progress: 1/1');
  expect(stdout).toContain('server asks: Delete the note "Groceries"?');
  expect(stdout).toContain('Deleted "Groceries"');
}, 60_000);
