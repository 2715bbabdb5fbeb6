import { McpServer } from '@modelcontextprotocol/server';
import { Injectable, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import {
  McpSessionsModule,
  type McpSessionsOptions,
  type McpSessionsOptionsFactory,
} from 'nestjs-mcp-sessions';

@Injectable()
export class SessionsConfig implements McpSessionsOptionsFactory {
  constructor(private readonly config: ConfigService) {}

  createMcpSessionsOptions(): McpSessionsOptions {
    return {
      store: { type: 'file', path: this.config.getOrThrow('SESSIONS_FILE') },
      server: () => new McpServer({ name: this.config.get('SERVER_NAME', 'configured'), version: '1.0.0' }),
      limits: { sessionsPerPrincipal: 20 },
    };
  }
}

@Module({
  imports: [
    McpSessionsModule.forRootAsync({
      imports: [ConfigModule.forRoot()],
      useClass: SessionsConfig,
      path: '/ai/mcp',
    }),
  ],
})
export class ConfiguredAppModule {}
