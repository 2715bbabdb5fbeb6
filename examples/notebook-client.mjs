// A client of the reference server. Start that with `npm start`, then run: node examples/notebook-client.mjs [url]
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const url = process.argv[2] ?? 'http://127.0.0.1:3000/mcp';

// With this capability the server may ask the user; here the user always agrees.
const client = new Client(
  { name: 'example', version: '1.0.0' },
  { capabilities: { elicitation: { form: {} } } },
);
client.setRequestHandler('elicitation/create', ({ params }) => {
  console.log(`server asks: ${params.message}`);
  return { action: 'accept', content: {} };
});
client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
  console.log(`server says: ${params.uri} has changed`);
});

try {
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));

  const added = await call('add_note', { title: 'Groceries', text: 'Milk' });
  const uri = added.slice('Added '.length);
  const id = uri.slice('note://'.length);
  await client.subscribeResource({ uri });
  await call('edit_note', { id, text: 'Milk and bread' });
  await call('export_notes', { pauseMs: 100 }, ({ progress, total }) =>
    console.log(`progress: ${progress}/${total}`),
  );
  await call('show_session');
  await call('delete_note', { id });

  await client.transport.terminateSession();
} catch (error) {
  // What `fetch` throws has its reason in the cause, which has no message if several addresses were tried.
  const reason = error.cause?.message || error.cause?.code || error.message;
  console.error(`The notebook at ${url} could not be used: ${reason}`);
  process.exitCode = 1;
} finally {
  await client.close();
}

async function call(name, args = {}, onprogress) {
  console.log(`> ${name} ${JSON.stringify(args)}`);
  const result = await client.callTool({ name, arguments: args }, { onprogress });
  const text = result.content.map((block) => block.text).join('\n');
  if (result.isError) throw new Error(text);
  console.log(text);
  return text;
}
