import { McpSessions } from '../mcp/mcp-sessions.service.js';
import { McpSessionsHealth } from '../observability/mcp-sessions.health.js';

/** The `SessionStore` of the unnamed registration. */
export const SESSION_STORE = Symbol.for('nestjs-mcp-sessions:session-store');
/** The `StreamManager` of the unnamed registration. */
export const STREAM_MANAGER = Symbol.for('nestjs-mcp-sessions:stream-manager');

/** The `sessions` repository of the unnamed registration: users' connections to MCP servers. */
export const SESSIONS = Symbol.for('nestjs-mcp-sessions:sessions');

/** The token of a registration's store. */
export function getSessionStoreToken(name?: string): symbol {
  return name === undefined ? SESSION_STORE : Symbol.for(`nestjs-mcp-sessions:${name}:session-store`);
}

/** The token of a registration's stream manager. */
export function getStreamManagerToken(name?: string): symbol {
  return name === undefined ? STREAM_MANAGER : Symbol.for(`nestjs-mcp-sessions:${name}:stream-manager`);
}

/** The token of a registration's `sessions` repository. */
export function getSessionsToken(name?: string): symbol {
  return name === undefined ? SESSIONS : Symbol.for(`nestjs-mcp-sessions:${name}:sessions`);
}

/** The token of a registration's {@link McpSessions}: the class itself for the unnamed one. */
export function getMcpSessionsToken(name?: string): symbol | typeof McpSessions {
  return name === undefined ? McpSessions : Symbol.for(`nestjs-mcp-sessions:${name}:mcp-sessions`);
}

/** The token of a registration's {@link McpSessionsHealth}: the class itself for the unnamed one. */
export function getMcpSessionsHealthToken(name?: string): symbol | typeof McpSessionsHealth {
  return name === undefined
    ? McpSessionsHealth
    : Symbol.for(`nestjs-mcp-sessions:${name}:mcp-sessions-health`);
}
