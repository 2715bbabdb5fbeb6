import type { OnModuleInit } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { InvalidConfigurationError } from '../common/errors.js';
import type { McpEndpointOptions } from './mcp-endpoint-options.interface.js';

/** The settings of one registration's endpoints, and where they are mounted. */
export class McpEndpointSettings implements OnModuleInit {
  constructor(
    readonly options: McpEndpointOptions,
    readonly path: string,
    private readonly modules: ModulesContainer,
  ) {}

  /** @throws InvalidConfigurationError another registration serves the same path */
  onModuleInit(): void {
    if (!this.options.server) return;
    for (const module of this.modules.values()) {
      const other = module.providers.get(McpEndpointSettings)?.instance as McpEndpointSettings | undefined;
      if (other && other !== this && other.options.server && other.path === this.path) {
        throw new InvalidConfigurationError(
          `Two registrations of McpSessionsModule serve ${this.path || '/'}: give one of them another path.`,
        );
      }
    }
  }
}
