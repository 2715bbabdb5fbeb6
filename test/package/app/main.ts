import 'reflect-metadata';
import { McpServer } from '@modelcontextprotocol/server';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { McpSessionsModule } from 'nestjs-mcp-sessions';

@Module({
  imports: [
    McpSessionsModule.forRoot({
      store: 'memory',
      server: () => new McpServer({ name: 'packed', version: '1.0.0' }),
    }),
  ],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');

const response = await fetch(`${await app.getUrl()}/mcp`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  body: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1.0.0' },
    },
  }),
});
const body = await response.text();
await app.close();

console.log(
  JSON.stringify({ status: response.status, sessionId: response.headers.get('mcp-session-id'), body }),
);
