import type { Sessions } from '../client-sessions/sessions.interface.js';
import type { McpEndpointOptions } from '../mcp/mcp-endpoint-options.interface.js';
import type { SessionStoreOption, StreamManagerOption } from './mcp-sessions-options.interface.js';

/** The options of one registration, complete and checked. */
export interface ResolvedOptions extends McpEndpointOptions {
  store: SessionStoreOption;
  stream: StreamManagerOption;
  sessions: Sessions;
  keepAliveMs: number;
  maxBufferedBytes: number;
  runtimeIdleMs: number;
  cleanupIntervalMs: number;
  shutdownGraceMs: number;
  limits: {
    sessions: number;
    sessionsPerPrincipal: number;
    streams: number;
    streamsPerSession: number;
    streamsPerPrincipal: number;
    requestsPerSession: number;
    runtimes: number;
    batch: number;
  };
}
