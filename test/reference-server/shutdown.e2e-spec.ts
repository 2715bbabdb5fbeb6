import { expect, it } from '@jest/globals';
import { startRoundRobinProxy } from '../../scripts/round-robin-proxy.mjs';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually, within } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { addNote, connect, Notebook, receivedUpdates, textOf } from './support/notebook.js';

it('P1 tells clients of other instances what a request in progress at the shutdown still changes', async () => {
  const redis = await RedisServer.start();
  cleanUpLater(() => redis.dispose());
  const environment = {
    MCP_SESSIONS_STORE: 'redis',
    MCP_SESSIONS_STREAM: 'redis',
    MCP_SESSIONS_REDIS_URL: redis.url,
  };
  const [leaving, staying] = [await Notebook.start(environment), await Notebook.start(environment)];
  cleanUpLater(() => staying.stop());

  const targets = [leaving.url];
  const proxy = await startRoundRobinProxy(targets);
  cleanUpLater(() => proxy.close());

  const editor = await connect(proxy.origin, { answer: 'accept' });
  cleanUpLater(() => editor.close());
  const id = await addNote(editor, 'Groceries');
  const subscriber = await staying.connect();
  const updates = receivedUpdates(subscriber);
  await subscriber.subscribeResource({ uri: `note://${id}` });

  let closed: Promise<void> | undefined;
  editor.setRequestHandler('elicitation/create', async () => {
    closed = leaving.app.close();
    await eventually('the shutdown', async () => (await fetch(`${leaving.url}/health`)).status === 503);
    targets[0] = staying.url;
    return { action: 'accept', content: {} };
  });
  const answer = await within(
    'the end of the call',
    editor.callTool({ name: 'delete_note', arguments: { id } }),
  );

  expect(textOf(answer)).toBe('Deleted "Groceries"');
  expect(await within('the update', updates.atLeast(1))).toEqual([`note://${id}`]);
  await within('the end of the instance', closed!);
});
