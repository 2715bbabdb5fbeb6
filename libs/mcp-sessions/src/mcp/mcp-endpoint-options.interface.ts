import type { Request } from 'express';
import type { McpServerFactory } from './mcp-server.interface.js';

/** The settings of the HTTP endpoints, complete. */
export interface McpEndpointOptions {
  /** Without it the endpoints are not mounted. */
  server: McpServerFactory | undefined;
  principal: (request: Request) => string | undefined;
  allowedOrigins: readonly string[];
  allowedHosts: readonly string[];
  responseMode: 'sse' | 'json';
  retryMs: number;
  maxBodyBytes: number;
  idleTimeoutMs: number;
  limits: { streams: number; streamsPerSession: number; streamsPerPrincipal: number; batch: number };
}
