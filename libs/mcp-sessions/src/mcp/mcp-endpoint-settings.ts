import type { McpEndpointOptions } from './mcp-endpoint-options.interface.js';

/** Makes {@link McpEndpointOptions} injectable. */
export class McpEndpointSettings {
  constructor(readonly options: McpEndpointOptions) {}
}
