import type { OnModuleInit } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { InvalidConfigurationError } from '../common/errors.js';
import type { McpEndpointOptions } from './mcp-endpoint-options.interface.js';

/** The settings of one registration's endpoints, where they are mounted, and what the registration is called. */
export class McpEndpointSettings implements OnModuleInit {
  constructor(
    readonly options: McpEndpointOptions,
    readonly path: string,
    readonly name: string | undefined,
    private readonly modules: ModulesContainer,
  ) {}

  /** @throws InvalidConfigurationError another registration has the same name, or serves the same path */
  onModuleInit(): void {
    for (const module of this.modules.values()) {
      const other = module.providers.get(McpEndpointSettings)?.instance as McpEndpointSettings | undefined;
      if (!other || other === this) continue;
      if ((other.name ?? '') === (this.name ?? '')) {
        const what = this.name ? `are named "${this.name}"` : 'have no name';
        throw new InvalidConfigurationError(
          `Two registrations of McpSessionsModule ${what}: give one of them a \`name\` of its own.`,
        );
      }
      if (this.servesPathOf(other)) {
        throw new InvalidConfigurationError(
          `Two registrations of McpSessionsModule serve ${this.path || '/'}: give one of them another \`path\`.`,
        );
      }
    }
  }

  /** Express tells paths apart without regard to case. */
  private servesPathOf(other: McpEndpointSettings): boolean {
    if (!this.options.server || !other.options.server) return false;
    return other.path.toLowerCase() === this.path.toLowerCase();
  }
}
