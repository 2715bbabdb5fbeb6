import { McpServer } from '@modelcontextprotocol/server';
import { Module } from '@nestjs/common';
import { McpSessionsModule, type McpServerContext } from 'nestjs-mcp-sessions';
import { z } from 'zod';

/** Makes the server object of one session. */
function createServer({ sessionId, sessions }: McpServerContext): McpServer {
  const server = new McpServer({ name: 'memo', version: '1.0.0' });
  server.registerTool('remember', { inputSchema: z.object({ text: z.string() }) }, async ({ text }) => {
    const { memo = 'nothing' } = await sessions.getData(sessionId);
    await sessions.setData(sessionId, { memo: text });
    return { content: [{ type: 'text', text: `Remembered. Before it was: ${String(memo)}` }] };
  });
  return server;
}

@Module({ imports: [McpSessionsModule.forRoot({ store: 'memory', server: createServer })] })
export class AppModule {}
