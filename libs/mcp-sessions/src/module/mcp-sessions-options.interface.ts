import type { ModuleMetadata } from '@nestjs/common';
import type { Request } from 'express';
import type { Sessions } from '../client-sessions/sessions.interface.js';
import type { McpServerFactory } from '../mcp/mcp-server.interface.js';
import type { FileSystemSessionStoreConfig } from '../session-store/file-system-session-store.js';
import type { SessionStore } from '../session-store/session-store.interface.js';
import type { InMemoryStreamManagerConfig } from '../streams/in-memory-stream-manager.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';
import type { RedisStoreOption, RedisStreamOption } from './redis-options.interface.js';

/** Which store to use: a name, a name with settings, or any object that implements the contract. */
export type SessionStoreOption =
  | 'memory'
  | 'file'
  | 'redis'
  | { type: 'memory' }
  | ({ type: 'file' } & FileSystemSessionStoreConfig)
  | RedisStoreOption
  | SessionStore;

/** Which stream manager to use: a name, a name with settings, or any object that implements the contract. */
export type StreamManagerOption =
  'memory' | 'redis' | ({ type: 'memory' } & InMemoryStreamManagerConfig) | RedisStreamOption | StreamManager;

/** Upper bounds of this instance. What goes beyond is refused with 503 and `Retry-After`, or 429 where named. */
export interface McpSessionsLimits {
  /** Sessions in the store that this instance opens or knows. Default 100,000. */
  sessions?: number;
  /** Sessions of one principal; beyond: 429. Default 1,000. */
  sessionsPerPrincipal?: number;
  /** Open SSE connections. Default 20,000. */
  streams?: number;
  /** Open SSE connections of one session, requests in progress included; beyond: 429. Default 32. */
  streamsPerSession?: number;
  /** Open SSE connections of one principal; beyond: 429. Default 1,000. */
  streamsPerPrincipal?: number;
  /** Requests of one session in progress, whether or not anybody still listens; beyond: 429. Default 128. */
  requestsPerSession?: number;
  /**
   * Server objects kept; above it the idle ones are dropped, oldest first. Default 1,000. Those at work stay, and count up to
   * `sessions`; beyond: 503.
   */
  runtimes?: number;
  /** Messages in one batch (revision 2025-03-26). Default 100. */
  batch?: number;
}

/**
 * Options of {@link McpSessionsModule}. Whatever is left out comes from the environment, and then from the
 * defaults named here.
 */
export interface McpSessionsOptions {
  /** Default `'file'`, or `'memory'` when `NODE_ENV` is `production`. Environment: `MCP_SESSIONS_STORE`. */
  store?: SessionStoreOption;
  /** Default `'memory'`. Environment: `MCP_SESSIONS_STREAM`. */
  stream?: StreamManagerOption;
  /**
   * Keeps the connections of the application's users to MCP servers, behind the token `SESSIONS`. Default: the global
   * `sessions`, chosen by the environment; or one of this registration's own, chosen in the same way, when
   * `ConfigService` gives its variables other values than the environment of the process does.
   */
  sessions?: Sessions;
  /** Makes the server object of a session. Without it no endpoint is mounted. */
  server?: McpServerFactory;
  /**
   * Who makes this request: `undefined` for nobody in particular. A session belongs to the principal that opened
   * it, and does not exist for any other. Default: from `request.auth`, as the SDKs' bearer middleware leaves it,
   * `${iss}|${sub}` of its `extra`, else its `clientId`. Any other answer, such as a promise, is answered with 500 and
   * logged: a guard or a middleware does what takes time.
   */
  principal?: (request: Request) => string | undefined;
  /**
   * Origins that browsers may send requests from, such as `https://app.example.com`; `'*'` allows all. Loopback
   * origins are always allowed. Environment: `MCP_SESSIONS_ALLOWED_ORIGINS`, separated by commas.
   */
  allowedOrigins?: string[];
  /**
   * Host names that the server answers for, without the port, such as `mcp.example.com`; `'*'` allows all.
   * Loopback names are always allowed. Environment: `MCP_SESSIONS_ALLOWED_HOSTS`, separated by commas.
   */
  allowedHosts?: string[];
  /** How POSTs are answered: as an SSE stream, or as one JSON body. Default `'sse'`. */
  responseMode?: 'sse' | 'json';
  /** How long a client waits before it resumes a stream, in milliseconds, sent as SSE `retry`. Default 1,000. */
  retryMs?: number;
  /** Interval of the keep-alive comment on idle streams, in milliseconds. Default 15,000. */
  keepAliveMs?: number;
  /** Bytes that may wait for a slow reader before its connection is cut off. Default 262,144 (256 KiB). */
  maxBufferedBytes?: number;
  /** Largest request body in bytes; beyond: 413. Default 4,194,304 (4 MiB). */
  maxBodyBytes?: number;
  /**
   * A session ends when it has not been used, and had no open stream, for this long, in milliseconds. Default
   * 3,600,000 (one hour). Environment: `MCP_SESSIONS_IDLE_TIMEOUT_MS`.
   */
  idleTimeoutMs?: number;
  /** A server object that has not been used for this long is dropped, in milliseconds. Default 10,000. */
  runtimeIdleMs?: number;
  /** How often cleanup runs, in milliseconds; at least thrice per `idleTimeoutMs`. Default 60,000. Environment: `MCP_SESSIONS_CLEANUP_INTERVAL_MS`. */
  cleanupIntervalMs?: number;
  /** How long a shutdown waits for requests in progress, in milliseconds. Default 10,000. */
  shutdownGraceMs?: number;
  limits?: McpSessionsLimits;
}

/** What has to be known before the other options are: for `forRoot` and `forRootAsync` alike. */
export interface McpSessionsModuleExtras {
  /** Where the endpoint is mounted: `POST | GET | DELETE path`, `GET path/sse`, `POST path/messages`. Default `/mcp`. */
  path?: string;
  /** Tells several registrations in one application apart; the tokens of a named one carry its name. */
  name?: string;
  /** Whether the tokens can be injected in every module of the application. Default `true`. */
  isGlobal?: boolean;
  /** Modules that export what the `decorators` need, such as the dependencies of a guard. */
  imports?: ModuleMetadata['imports'];
  /** Decorators for the endpoints' controllers, such as `UseGuards(BearerGuard)`. */
  decorators?: ClassDecorator[];
}
