import { McpServer } from '@modelcontextprotocol/server';
import { Module } from '@nestjs/common';
import { McpSessionsModule } from 'nestjs-mcp-sessions';

@Module({
  imports: [
    McpSessionsModule.forRoot({
      store: 'memory',
      server: ({ principal }) => new McpServer({ name: `for ${principal}`, version: '1.0.0' }),
      // Only behind a gateway that authenticates every request, and sets or removes this header itself.
      principal: (request) => request.get('x-authenticated-user'),
    }),
  ],
})
export class PrincipalByHeaderModule {}
