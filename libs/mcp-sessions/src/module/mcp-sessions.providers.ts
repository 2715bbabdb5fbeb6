import type { InjectionToken, Provider } from '@nestjs/common';
import { McpSessions } from '../mcp/mcp-sessions.service.js';
import { Readiness } from '../mcp/readiness.js';
import { SessionCensus } from '../mcp/session-census.js';
import { SessionRuntimes } from '../mcp/session-runtimes.js';
import { McpSessionsHealth } from '../observability/mcp-sessions.health.js';
import { SseConnections } from '../streams/sse-connections.js';
import { endpointProviders } from './endpoint.providers.js';
import { maintenanceProviders } from './maintenance.providers.js';
import {
  getMcpSessionsHealthToken,
  getMcpSessionsToken,
  getSessionsToken,
  getSessionStoreToken,
  getStreamManagerToken,
} from './mcp-sessions.constants.js';
import { provideClass } from './provide-class.js';
import { storageProviders } from './storage.providers.js';

/** The tokens that a registration offers to the application. */
export function exportedTokens(name: string | undefined): InjectionToken[] {
  return [
    getSessionStoreToken(name),
    getStreamManagerToken(name),
    getSessionsToken(name),
    getMcpSessionsToken(name),
    getMcpSessionsHealthToken(name),
  ];
}

/** The providers of one registration. Internal classes are their own tokens: they stay inside their module. */
export function createMcpSessionsProviders(path: string, name: string | undefined): Provider[] {
  const named: Provider[] = [
    { provide: getMcpSessionsToken(name), useExisting: McpSessions },
    { provide: getMcpSessionsHealthToken(name), useExisting: McpSessionsHealth },
  ];
  return [
    ...storageProviders(name),
    ...endpointProviders(path, name),
    provideClass(McpSessionsHealth, Readiness, SessionCensus, SseConnections, SessionRuntimes),
    ...maintenanceProviders(name),
    // Without a name, these are the classes themselves.
    ...(name === undefined ? [] : named),
  ];
}
