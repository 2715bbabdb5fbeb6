import { Module, UseGuards } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { McpSessionsModule } from 'nestjs-mcp-sessions';
import { BearerTokenGuard } from './auth/bearer-token.guard.js';
import { HealthController } from './health/health.controller.js';
import { NotebookMcpServer } from './notebook/notebook-mcp-server.service.js';
import { NotebookModule } from './notebook/notebook.module.js';

@Module({
  imports: [
    ConfigModule.forRoot(),
    NotebookModule,
    McpSessionsModule.forRootAsync({
      imports: [NotebookModule],
      inject: [NotebookMcpServer],
      useFactory: (notebook: NotebookMcpServer) => ({ server: (session) => notebook.create(session) }),
      decorators: [UseGuards(BearerTokenGuard)],
    }),
  ],
  controllers: [HealthController],
})
export class AppModule {}
