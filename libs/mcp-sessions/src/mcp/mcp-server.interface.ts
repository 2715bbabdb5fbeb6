import type { LoggingLevel, SessionMetadata } from '../session-store/session-store.interface.js';
import type { McpSessions } from './mcp-sessions.service.js';

/** A JSON-RPC request id. Numeric `1` and string `"1"` are different ids. */
export type RequestId = string | number;

/** Any JSON-RPC 2.0 message, by shape. */
export interface JsonRpcMessage {
  jsonrpc: '2.0';
  id?: RequestId | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

/** A JSON-RPC notification. */
export interface McpNotification {
  method: string;
  params?: Record<string, unknown>;
}

/** What a transport tells the server about the HTTP request that a message came with. */
export interface MessageExtra {
  /** The HTTP request, as SDK v2 hands it to handlers (`ctx.http.req`). */
  request?: Request;
  /** Headers and URL of the HTTP request, as SDK v1 hands them to handlers (`extra.requestInfo`). */
  requestInfo?: { headers: Record<string, string | string[] | undefined>; url?: URL };
  /** What the application's authentication put on the request as `request.auth`. */
  authInfo?: unknown;
  /** Ends the connection of this request's stream, not the request: the client comes back for the answer. */
  closeSSEStream?: () => void;
  /** Ends the connection of the session's main stream: the client comes back for what is sent meanwhile. */
  closeStandaloneSSEStream?: () => void;
}

/** The transport contract that both official SDKs define, by shape. */
export interface Transport {
  start(): Promise<void>;
  send(message: JsonRpcMessage, options?: { relatedRequestId?: RequestId }): Promise<void>;
  close(): Promise<void>;
  onmessage?: (message: JsonRpcMessage, extra?: MessageExtra) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  sessionId?: string;
}

/**
 * A server object of either official SDK, by shape: `McpServer` or `Server` of `@modelcontextprotocol/server`
 * (v2) or of `@modelcontextprotocol/sdk` (v1).
 */
export interface McpServerLike {
  // The SDKs' own Transport types differ in details that do not matter here, and neither is imported.
  // oxlint-disable-next-line typescript/no-explicit-any
  connect(transport: any): Promise<void>;
  /** Whoever waits for it waits two seconds at most; then the transport is closed all the same. */
  close(): Promise<void>;
}

/** What {@link McpServerFactory} is told about the session that it makes a server for. */
export interface McpServerContext {
  sessionId: string;
  /** The owner of the session, as the `principal` option determined it. */
  principal?: string;
  /** This module's sessions: to notify clients and to keep data, also after the server object is gone. */
  sessions: McpSessions;
}

/**
 * Makes the server object of one session. Called for every new session, and again when an instance that has no
 * server object for a session gets a request of it: after a restart, on another instance, or when an idle server
 * object was dropped. Keep nothing in the server object that must outlive it; `context.sessions` has a place for it.
 */
export type McpServerFactory = (context: McpServerContext) => McpServerLike | Promise<McpServerLike>;

/**
 * Everything about a session on the instance that serves it. Lives in memory only; a store keeps
 * {@link SessionMetadata}.
 */
export interface SessionData extends SessionMetadata {
  transport: Transport;
  server?: McpServerLike;
  context?: unknown;
  sendNotification?(notification: { method: string; params: Record<string, unknown> }): Promise<void>;
}

export type { LoggingLevel };
