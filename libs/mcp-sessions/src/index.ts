export { InvalidConfigurationError, McpSessionsError, SessionNotFoundError } from './common/errors.js';

export type { RedisClient } from './redis/redis-client.interface.js';

export { McpSessionsModule, type McpSessionsOptionsFactory } from './module/mcp-sessions.module.js';
export type {
  McpSessionsLimits,
  McpSessionsModuleExtras,
  McpSessionsOptions,
  SessionStoreOption,
  StreamManagerOption,
} from './module/mcp-sessions-options.interface.js';
export type { RedisStoreOption, RedisStreamOption } from './module/redis-options.interface.js';
export {
  getMcpSessionsHealthToken,
  getMcpSessionsToken,
  getSessionsToken,
  getSessionStoreToken,
  getStreamManagerToken,
  SESSION_STORE,
  SESSIONS,
  STREAM_MANAGER,
} from './module/mcp-sessions.constants.js';
export {
  InjectMcpSessions,
  InjectMcpSessionsHealth,
  InjectSessions,
  InjectSessionStore,
  InjectStreamManager,
} from './module/inject.decorators.js';

export type {
  LoggingLevel,
  MetadataChange,
  SessionMetadata,
  SessionStore,
} from './session-store/session-store.interface.js';
export {
  InvalidSessionMetadataError,
  InvalidSessionTtlError,
  SessionStoreUnavailableError,
} from './session-store/session-store.errors.js';
export {
  InMemorySessionStore,
  type InMemorySessionStoreConfig,
} from './session-store/in-memory-session-store.js';
export {
  FileSystemSessionStore,
  type FileSystemSessionStoreConfig,
} from './session-store/file-system-session-store.js';
export { RedisSessionStore, type RedisSessionStoreConfig } from './session-store/redis-session-store.js';

export { MAIN_STREAM_KEY } from './streams/stream-manager.interface.js';
export type {
  EventId,
  OpenStreamOptions,
  ReplayOptions,
  ResumableStreamManager,
  SessionSignals,
  StreamController,
  StreamManager,
  StreamRef,
} from './streams/stream-manager.interface.js';
export {
  InvalidEventIdError,
  StreamContendedError,
  StreamLostError,
  StreamManagerUnavailableError,
} from './streams/stream-manager.errors.js';
export {
  InMemoryStreamManager,
  type InMemoryStreamManagerConfig,
} from './streams/in-memory-stream-manager.js';
export { RedisStreamManager, type RedisStreamManagerConfig } from './streams/redis-stream-manager.js';

export { McpSessions } from './mcp/mcp-sessions.service.js';
export type { SessionLifecycleEvent } from './mcp/session-lifecycle-event.interface.js';
export type {
  JsonRpcMessage,
  McpNotification,
  McpServerContext,
  McpServerFactory,
  McpServerLike,
  MessageExtra,
  RequestId,
  SessionData,
  Transport,
} from './mcp/mcp-server.interface.js';

export { McpSessionsHealth, type McpSessionsStatus } from './observability/mcp-sessions.health.js';

export { sessions } from './client-sessions/sessions.js';
export type { Session, Sessions, SessionStatus } from './client-sessions/sessions.interface.js';
export type { EncryptionKey, SessionsOptions } from './client-sessions/sessions-options.interface.js';
export { MemoryStorageBackend } from './client-sessions/memory-storage-backend.js';
export {
  FileStorageBackend,
  type FileStorageBackendOptions,
} from './client-sessions/file-storage-backend.js';
export {
  RedisStorageBackend,
  type RedisStorageBackendOptions,
} from './client-sessions/redis-storage-backend.js';
export {
  InvalidSessionError,
  SessionAlreadyExistsError,
  SessionDecryptionError,
  SessionLockedError,
  SessionsUnavailableError,
} from './client-sessions/sessions.errors.js';
export { sessionOAuthProvider, type SessionOAuthProvider } from './client-sessions/session-oauth-provider.js';
export type { SessionOAuthProviderOptions } from './client-sessions/session-oauth-provider-options.interface.js';
export { sessionIdOfState } from './client-sessions/oauth-callback.js';
export {
  AuthorizationRequiredError,
  OAuthCallbackError,
  OAuthRefreshError,
} from './client-sessions/oauth.errors.js';
export type {
  OAuthClientInformation,
  OAuthClientMetadata,
  OAuthDiscoveryState,
  OAuthIssuerContext,
  OAuthServerMetadata,
  OAuthTokens,
} from './client-sessions/oauth-types.interface.js';
