import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { McpSessionsModuleExtras, McpSessionsOptions } from './mcp-sessions-options.interface.js';
import { createMcpControllers } from '../mcp/mcp.controllers.js';
import { MODULE_OPTIONS } from './internal-tokens.js';
import { createMcpSessionsProviders, exportedTokens } from './mcp-sessions.providers.js';

const extras: McpSessionsModuleExtras = {
  path: '/mcp',
  name: undefined,
  isGlobal: true,
  imports: [],
  decorators: [],
};

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<McpSessionsOptions>({
  optionsInjectionToken: MODULE_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createMcpSessionsOptions')
  .setExtras(extras, (definition, { path = '/mcp', name, isGlobal, imports = [], decorators = [] }) => {
    const trimmed = path.replace(/^\/+|\/+$/g, '');
    const basePath = trimmed === '' ? '' : `/${trimmed}`;
    return {
      ...definition,
      global: isGlobal,
      // Those of `forRootAsync` are in the definition.
      imports: [...(definition.imports ?? []), ...imports],
      controllers: createMcpControllers(basePath, decorators),
      providers: [...(definition.providers ?? []), ...createMcpSessionsProviders(basePath, name)],
      exports: exportedTokens(name),
    };
  })
  .build();
