import type { Provider } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { completeSessionStore } from '../session-store/complete-session-store.js';
import type { SessionStore } from '../session-store/session-store.interface.js';
import { completeStreamManager } from '../streams/complete-stream-manager.js';
import type { StreamManager } from '../streams/stream-manager.interface.js';
import { createSessionStore, defaultStore } from './create-store.js';
import { createStreamManager } from './create-stream-manager.js';
import { defaultSessions } from './default-sessions.js';
import { optionsFromEnvironment, redisUrlFromEnvironment } from './environment.js';
import {
  COMPLETE_STORE,
  COMPLETE_STREAMS,
  MODULE_OPTIONS,
  OPTIONS,
  REDIS_DEFAULTS,
} from './internal-tokens.js';
import type { McpSessionsOptions } from './mcp-sessions-options.interface.js';
import { getSessionsToken, getSessionStoreToken, getStreamManagerToken } from './mcp-sessions.constants.js';
import { provideClass } from './provide-class.js';
import { redisDefaults, type RedisDefaults } from './redis-defaults.js';
import { resolveOptions } from './resolve-options.js';
import type { ResolvedOptions } from './resolved-options.interface.js';
import { StartReport } from './start-report.js';
import { VariableReader } from './variable-reader.js';

/** The options of a registration, and where it keeps things: its store, its streams, its users' connections. */
export function storageProviders(name: string | undefined): Provider[] {
  const STORE = getSessionStoreToken(name);
  const STREAMS = getStreamManagerToken(name);
  return [
    provideClass(VariableReader, ConfigService),
    {
      provide: OPTIONS,
      inject: [MODULE_OPTIONS, VariableReader],
      useFactory: (given: McpSessionsOptions, { read }: VariableReader): ResolvedOptions =>
        resolveOptions(
          given,
          optionsFromEnvironment(read, name),
          {
            store: defaultStore(read('NODE_ENV'), name),
            sessions: given.sessions ?? defaultSessions(read),
          },
          name,
        ),
    },
    {
      provide: REDIS_DEFAULTS,
      inject: [OPTIONS, VariableReader],
      useFactory: ({ idleTimeoutMs }: ResolvedOptions, { read }: VariableReader): RedisDefaults =>
        redisDefaults(name, () => redisUrlFromEnvironment(read, name), idleTimeoutMs),
    },
    {
      provide: STORE,
      inject: [OPTIONS, REDIS_DEFAULTS],
      useFactory: ({ store, idleTimeoutMs }: ResolvedOptions, defaults: RedisDefaults) =>
        createSessionStore(store, defaults, idleTimeoutMs),
    },
    {
      provide: STREAMS,
      inject: [OPTIONS, REDIS_DEFAULTS],
      useFactory: ({ stream }: ResolvedOptions, defaults: RedisDefaults) =>
        createStreamManager(stream, defaults),
    },
    {
      provide: StartReport,
      inject: [OPTIONS, STORE, STREAMS],
      useFactory: (options: ResolvedOptions, store: SessionStore, streams: StreamManager) =>
        new StartReport(name, options, store, streams),
    },
    {
      provide: getSessionsToken(name),
      inject: [OPTIONS],
      useFactory: ({ sessions }: ResolvedOptions) => sessions,
    },
    {
      provide: COMPLETE_STORE,
      inject: [STORE, OPTIONS],
      useFactory: (store: SessionStore, { idleTimeoutMs }: ResolvedOptions) =>
        completeSessionStore(store, idleTimeoutMs),
    },
    {
      provide: COMPLETE_STREAMS,
      inject: [STREAMS],
      useFactory: (streams: StreamManager) => completeStreamManager(streams),
    },
  ];
}
