/* The peer of `tools-call`: the SDK's own sessions on Express, as its documentation shows them. */
import { createMcpExpressApp } from '@modelcontextprotocol/express';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { isInitializeRequest } from '@modelcontextprotocol/server';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { serveCommands } from '../lib/commands.mjs';
import { usageCommands } from '../lib/process-usage.mjs';
import { makeServer } from './echo-server.mjs';

/** @type {Map<string, NodeStreamableHTTPServerTransport>} */
const transports = new Map();
const app = createMcpExpressApp();

async function openTransport() {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (sessionId) => {
      transports.set(sessionId, transport);
    },
  });
  transport.onclose = () => {
    if (transport.sessionId) transports.delete(transport.sessionId);
  };
  await makeServer().connect(transport);
  return transport;
}

app.post('/mcp', async (request, response) => {
  const sessionId = request.header('mcp-session-id');
  const known = sessionId ? transports.get(sessionId) : undefined;
  if (!known && (sessionId || !isInitializeRequest(request.body))) {
    response
      .status(404)
      .json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null });
    return;
  }
  const transport = known ?? (await openTransport());
  await transport.handleRequest(request, response, request.body);
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

serveCommands(usageCommands, { port });
