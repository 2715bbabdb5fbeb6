import { Module, type ConfigurableModuleAsyncOptions, type DynamicModule } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { ScheduleModule } from '@nestjs/schedule';
import type { McpSessionsModuleExtras, McpSessionsOptions } from './mcp-sessions-options.interface.js';
import { ConfigurableModuleClass } from './mcp-sessions.module-definition.js';

/** A class that makes the options, for `useClass` and `useExisting` of `forRootAsync`. */
export interface McpSessionsOptionsFactory {
  createMcpSessionsOptions(): McpSessionsOptions | Promise<McpSessionsOptions>;
}

/**
 * The registry of scheduled jobs, for this module alone: a global one, or one that looks for jobs, would run those of
 * an application with a `ScheduleModule` of its own twice.
 */
function schedulerOfOurOwn(): DynamicModule {
  return { ...ScheduleModule.forRoot({ cronJobs: false, intervals: false, timeouts: false }), global: false };
}

/**
 * Sessions for MCP servers: registers a `SessionStore` and a `StreamManager`, and serves the endpoints when the
 * options have a `server`. Can be registered several times, under different paths and names.
 */
@Module({ imports: [ConfigModule, schedulerOfOurOwn()] })
export class McpSessionsModule extends ConfigurableModuleClass {
  /** Registers the module. What the options leave out comes from the environment, then from the defaults. */
  static override forRoot(options: McpSessionsOptions & McpSessionsModuleExtras = {}): DynamicModule {
    const definition = super.forRoot(options);
    return options.server ? definition : { ...definition, controllers: [] };
  }

  /** Registers the module with options that are made from other providers. */
  static override forRootAsync(
    options: ConfigurableModuleAsyncOptions<McpSessionsOptions, 'createMcpSessionsOptions'> &
      McpSessionsModuleExtras,
  ): DynamicModule {
    return super.forRootAsync(options);
  }
}
