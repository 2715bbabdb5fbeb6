import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** The server object of both sides: one trivial tool. */
export function makeServer() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' }, { capabilities: { logging: {} } });
  server.registerTool(
    'echo',
    { description: 'Returns its input', inputSchema: z.object({ text: z.string() }) },
    ({ text }) => ({ content: [{ type: 'text', text }] }),
  );
  return server;
}
