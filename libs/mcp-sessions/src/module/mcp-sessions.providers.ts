import type { InjectionToken, Provider } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { LazySessions } from '../client-sessions/lazy-sessions.js';
import { ClientSessionsCleanup } from '../maintenance/client-sessions-cleanup.js';
import { GracefulShutdown } from '../maintenance/graceful-shutdown.js';
import { SessionCleanup } from '../maintenance/session-cleanup.js';
import { ClientStreams } from '../mcp/client-streams.js';
import { HttpSseEndpoint } from '../mcp/http-sse.endpoint.js';
import { InstanceSignals } from '../mcp/instance-signals.js';
import { McpEndpointSettings } from '../mcp/mcp-endpoint-settings.js';
import { McpSessions } from '../mcp/mcp-sessions.service.js';
import { Readiness } from '../mcp/readiness.js';
import { RequestBodies } from '../mcp/request-bodies.js';
import { ResourceSubscribers } from '../mcp/resource-subscribers.js';
import { SessionAccess } from '../mcp/session-access.js';
import { SessionCensus } from '../mcp/session-census.js';
import { SessionChanges } from '../mcp/session-changes.js';
import { SessionRelay } from '../mcp/session-relay.js';
import { SessionRuntimes } from '../mcp/session-runtimes.js';
import { SignalReceiver } from '../mcp/signal-receiver.js';
import { StreamableHttpEndpoint } from '../mcp/streamable-http.endpoint.js';
import { McpSessionsHealth } from '../observability/mcp-sessions.health.js';
import { completeSessionStore } from '../session-store/complete-session-store.js';
import type { CompleteSessionStore, SessionStore } from '../session-store/session-store.interface.js';
import { completeStreamManager } from '../streams/complete-stream-manager.js';
import { SseConnections } from '../streams/sse-connections.js';
import type { ResumableStreamManager, StreamManager } from '../streams/stream-manager.interface.js';
import { createSessionStore, defaultStore } from './create-store.js';
import { createStreamManager } from './create-stream-manager.js';
import { optionsFromEnvironment, redisUrlFromEnvironment } from './environment.js';
import type { McpSessionsOptions } from './mcp-sessions-options.interface.js';
import {
  getMcpSessionsToken,
  getSessionsToken,
  getSessionStoreToken,
  getStreamManagerToken,
} from './mcp-sessions.constants.js';
import { isRedis, redisDefaults, type RedisDefaults } from './redis-defaults.js';
import { resolveOptions } from './resolve-options.js';
import type { ResolvedOptions } from './resolved-options.interface.js';

/** What `forRoot` and `forRootAsync` were given. */
export const MODULE_OPTIONS = Symbol('MODULE_OPTIONS');
const OPTIONS = Symbol('RESOLVED_OPTIONS');
const REDIS_DEFAULTS = Symbol('REDIS_DEFAULTS');
const COMPLETE_STORE = Symbol('COMPLETE_STORE');
const COMPLETE_STREAMS = Symbol('COMPLETE_STREAMS');

/** The tokens that a registration offers to the application. */
export function exportedTokens(name: string | undefined): InjectionToken[] {
  const named = [
    ...[getSessionStoreToken(name), getStreamManagerToken(name), getSessionsToken(name)],
    getMcpSessionsToken(name),
  ];
  return name === undefined ? [...named, McpSessionsHealth] : named;
}

/** The providers of one registration. Internal classes are their own tokens: they stay inside their module. */
export function createMcpSessionsProviders(path: string, name: string | undefined): Provider[] {
  const STORE = getSessionStoreToken(name);
  const STREAMS = getStreamManagerToken(name);
  const endpointParts = [
    ...[OPTIONS, RequestBodies, SessionAccess, McpSessions, ClientStreams, Readiness, SessionRelay],
  ];
  const named: Provider[] =
    name === undefined ? [] : [{ provide: getMcpSessionsToken(name), useExisting: McpSessions }];
  return [
    {
      provide: OPTIONS,
      inject: [MODULE_OPTIONS, ConfigService],
      useFactory: (given: McpSessionsOptions, config: ConfigService): ResolvedOptions => {
        const environment = optionsFromEnvironment((variable) => config.get<string>(variable), name);
        return resolveOptions(given, environment, defaultStore(config.get<string>('NODE_ENV'), name));
      },
    },
    {
      provide: REDIS_DEFAULTS,
      inject: [OPTIONS, ConfigService],
      useFactory: (
        { store, stream, idleTimeoutMs }: ResolvedOptions,
        config: ConfigService,
      ): RedisDefaults => {
        const isNeeded = [store, stream].some(isRedis);
        const read = (variable: string) => config.get<string>(variable);
        return redisDefaults(name, isNeeded ? redisUrlFromEnvironment(read, name) : undefined, idleTimeoutMs);
      },
    },
    {
      provide: STORE,
      inject: [OPTIONS, REDIS_DEFAULTS],
      useFactory: ({ store }: ResolvedOptions, defaults: RedisDefaults) =>
        createSessionStore(store, defaults),
    },
    {
      provide: STREAMS,
      inject: [OPTIONS, REDIS_DEFAULTS],
      useFactory: ({ stream }: ResolvedOptions, defaults: RedisDefaults) =>
        createStreamManager(stream, defaults),
    },
    {
      provide: getSessionsToken(name),
      inject: [OPTIONS],
      useFactory: ({ sessions }: ResolvedOptions) => sessions,
    },
    {
      provide: ClientSessionsCleanup,
      inject: [SchedulerRegistry, OPTIONS],
      useFactory: (
        scheduler: SchedulerRegistry,
        { cleanupIntervalMs: intervalMs, sessions }: ResolvedOptions,
      ) => {
        const jobName = ['mcp-sessions', name, 'client-sessions-cleanup'].filter(Boolean).join(':');
        const isOwn = sessions instanceof LazySessions;
        const isInUse = () => !isOwn || sessions.isInUse;
        return new ClientSessionsCleanup(scheduler, { jobName, intervalMs, isInUse, isOwn }, sessions);
      },
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
    Readiness,
    {
      provide: McpEndpointSettings,
      inject: [OPTIONS, ModulesContainer],
      useFactory: (options: ResolvedOptions, modules: ModulesContainer) =>
        new McpEndpointSettings(options, path, modules),
    },
    provideClass(SseConnections, OPTIONS),
    {
      provide: SessionCensus,
      inject: [OPTIONS],
      useFactory: ({ limits }: ResolvedOptions) => new SessionCensus(limits),
    },
    provideClass(ResourceSubscribers, COMPLETE_STORE),
    {
      provide: SessionRuntimes,
      inject: [COMPLETE_STREAMS, OPTIONS],
      useFactory: (streams: ResumableStreamManager, { limits, runtimeIdleMs }: ResolvedOptions) =>
        new SessionRuntimes(streams, {
          maxRuntimes: limits.runtimes,
          maxRequests: limits.requestsPerSession,
          idleMs: runtimeIdleMs,
        }),
    },
    provideClass(
      McpSessions,
      COMPLETE_STORE,
      COMPLETE_STREAMS,
      SessionRuntimes,
      SessionCensus,
      ResourceSubscribers,
      InstanceSignals,
    ),
    ...named,
    provideClass(SessionChanges, COMPLETE_STORE, ResourceSubscribers, InstanceSignals),
    provideClass(InstanceSignals, COMPLETE_STREAMS),
    provideClass(SignalReceiver, InstanceSignals, McpSessions, SessionRuntimes, ResourceSubscribers),
    provideClass(SessionRelay, SessionAccess, SessionRuntimes, COMPLETE_STREAMS, InstanceSignals),
    {
      provide: SessionAccess,
      inject: [COMPLETE_STORE, SessionRuntimes, McpSessions, SessionCensus, SessionChanges, OPTIONS],
      useFactory: (
        store: CompleteSessionStore,
        runtimes: SessionRuntimes,
        sessions: McpSessions,
        census: SessionCensus,
        changes: SessionChanges,
        { server, idleTimeoutMs }: ResolvedOptions,
      ) => {
        runtimes.serve({
          makeServer: (context) => server!({ ...context, sessions }),
          refusal: (runtime, request) => changes.refusal(runtime, request),
          answered: (runtime, request, answer) => changes.answered(runtime, request, answer),
          read: (sessionId) => store.get(sessionId),
          resumed: (sessionId) => sessions.resumed(sessionId),
          gone: (sessionId) => sessions.forget(sessionId, 'ended'),
        });
        return new SessionAccess(store, runtimes, sessions, census, { idleTimeoutMs, registration: name });
      },
    },
    {
      provide: RequestBodies,
      inject: [HttpAdapterHost, ApplicationConfig, OPTIONS],
      useFactory: (
        host: HttpAdapterHost,
        config: ApplicationConfig,
        { server, maxBodyBytes }: ResolvedOptions,
      ) => new RequestBodies(host, config, server ? [path, `${path}/messages`] : [], maxBodyBytes),
    },
    provideClass(ClientStreams, COMPLETE_STREAMS, SseConnections, OPTIONS),
    provideClass(StreamableHttpEndpoint, ...endpointParts),
    provideClass(HttpSseEndpoint, ...endpointParts),
    provideClass(McpSessionsHealth, Readiness, SessionCensus, SseConnections, SessionRuntimes),
    {
      provide: SessionCleanup,
      inject: [
        SchedulerRegistry,
        OPTIONS,
        STORE,
        COMPLETE_STORE,
        McpSessions,
        SessionCensus,
        SseConnections,
        SessionRuntimes,
      ],
      useFactory: (
        scheduler: SchedulerRegistry,
        { cleanupIntervalMs: intervalMs, idleTimeoutMs }: ResolvedOptions,
        ownStore: SessionStore,
        store: CompleteSessionStore,
        sessions: McpSessions,
        census: SessionCensus,
        connections: SseConnections,
        runtimes: SessionRuntimes,
      ) => {
        const inUse = () => new Set([...connections.sessionIds(), ...runtimes.busySessionIds()]);
        const jobName = ['mcp-sessions', name, 'cleanup'].filter(Boolean).join(':');
        const config = { jobName, intervalMs, idleTimeoutMs, storeExpires: 'setWithTTL' in ownStore };
        return new SessionCleanup(scheduler, config, store, sessions, census, inUse);
      },
    },
    {
      provide: GracefulShutdown,
      inject: [OPTIONS, Readiness, SessionRuntimes, SseConnections, STREAMS, STORE, McpSessions],
      useFactory: (
        { shutdownGraceMs: graceMs, retryMs }: ResolvedOptions,
        ...parts: ConstructorParameters<typeof GracefulShutdown> extends [unknown, ...infer Rest]
          ? Rest
          : never
      ) => new GracefulShutdown({ graceMs, retryMs }, ...parts),
    },
  ];
}

/** A provider that is made of other providers, in the order of its constructor's parameters. */
function provideClass<Parts extends unknown[]>(
  Class: new (...parts: Parts) => object,
  ...inject: InjectionToken[]
): Provider {
  return { provide: Class, inject, useFactory: (...parts: Parts) => new Class(...parts) };
}
