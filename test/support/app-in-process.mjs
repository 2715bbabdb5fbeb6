// An application in a process of its own, on the built library: `SETTINGS` has the options, as JSON.
import 'reflect-metadata';
import { McpServer } from '@modelcontextprotocol/server';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { McpSessions, McpSessionsModule } from 'nestjs-mcp-sessions';
import { z } from 'zod';

const { port, ...options } = JSON.parse(process.env.SETTINGS);
const waiting = new Map();

function server() {
  const server = new McpServer(
    { name: 'process', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } } },
  );
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, (args) => text(args.text));
  server.registerTool('ask', {}, async (ctx) => {
    const properties = { name: { type: 'string' } };
    const params = { message: 'Who?', requestedSchema: { type: 'object', properties, required: ['name'] } };
    const { action, content } = await ctx.mcpReq.send(
      { method: 'elicitation/create', params },
      { timeout: 2_000 },
    );
    return text(JSON.stringify({ action, name: content?.name }));
  });
  // Answers when the test says so.
  server.registerTool('controlled', { inputSchema: z.object({ name: z.string() }) }, ({ name }) => {
    process.send({ started: name });
    return new Promise((resolve) => waiting.set(name, (answer) => resolve(text(answer))));
  });
  return server;
}

class AppModule {}
Module({ imports: [McpSessionsModule.forRoot({ retryMs: 500, ...options, server })] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'], forceCloseConnections: true });
// Nest would otherwise end the process by the same signal once more, whose exit code says nothing.
app.enableShutdownHooks(undefined, { useProcessExit: true });
await app.listen(port ?? 0, '127.0.0.1');
process.on('message', ({ finish, answer, ...counted }) => {
  if (finish !== undefined) waiting.get(finish)(answer);
  else void notify(counted);
});
process.on('disconnect', () => process.exit(3));
process.send({ port: app.getHttpServer().address().port });

async function notify({ notify: from, sessionIds, number }) {
  const sessions = app.get(McpSessions, { strict: false });
  const notification = { method: 'notifications/counted', params: { from, number } };
  try {
    await (sessionIds ? sessions.notify(sessionIds, notification) : sessions.notifyAll(notification));
    process.send({ notified: number });
  } catch {
    process.send({ failed: number });
  }
}
