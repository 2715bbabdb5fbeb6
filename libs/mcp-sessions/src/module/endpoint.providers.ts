import type { Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
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
import { SessionLifecycle } from '../mcp/session-lifecycle.js';
import { SessionRelay } from '../mcp/session-relay.js';
import { SessionRuntimes } from '../mcp/session-runtimes.js';
import { SignalReceiver } from '../mcp/signal-receiver.js';
import { StreamableHttpEndpoint } from '../mcp/streamable-http.endpoint.js';
import type { CompleteSessionStore } from '../session-store/session-store.interface.js';
import { SseConnections } from '../streams/sse-connections.js';
import type { ResumableStreamManager } from '../streams/stream-manager.interface.js';
import { COMPLETE_STORE, COMPLETE_STREAMS, OPTIONS } from './internal-tokens.js';
import { provideClass } from './provide-class.js';
import type { ResolvedOptions } from './resolved-options.interface.js';

/** What serves the clients of a registration: its sessions, their server objects, and the endpoints. */
export function endpointProviders(path: string, name: string | undefined): Provider[] {
  const endpointParts = [
    ...[OPTIONS, RequestBodies, SessionAccess, SessionLifecycle, ClientStreams, Readiness, SessionRelay],
  ];
  return [
    Readiness,
    {
      provide: McpEndpointSettings,
      inject: [OPTIONS, ModulesContainer],
      useFactory: (options: ResolvedOptions, modules: ModulesContainer) =>
        new McpEndpointSettings(options, path, name, modules),
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
          maxInUse: Math.max(limits.runtimes, limits.sessions),
          maxRequests: limits.requestsPerSession,
          idleMs: runtimeIdleMs,
        }),
    },
    provideClass(McpSessions, COMPLETE_STORE, COMPLETE_STREAMS, ResourceSubscribers, SessionLifecycle),
    provideClass(
      SessionLifecycle,
      COMPLETE_STORE,
      COMPLETE_STREAMS,
      SessionRuntimes,
      SessionCensus,
      ResourceSubscribers,
      InstanceSignals,
    ),
    provideClass(SessionChanges, COMPLETE_STORE, ResourceSubscribers, InstanceSignals),
    provideClass(InstanceSignals, COMPLETE_STREAMS),
    provideClass(SignalReceiver, InstanceSignals, SessionLifecycle, SessionRuntimes, ResourceSubscribers),
    provideClass(SessionRelay, SessionAccess, SessionRuntimes, COMPLETE_STREAMS, InstanceSignals),
    {
      provide: SessionAccess,
      inject: [
        COMPLETE_STORE,
        SessionRuntimes,
        McpSessions,
        SessionLifecycle,
        SessionCensus,
        SessionChanges,
        OPTIONS,
      ],
      useFactory: (
        store: CompleteSessionStore,
        runtimes: SessionRuntimes,
        sessions: McpSessions,
        lifecycle: SessionLifecycle,
        census: SessionCensus,
        changes: SessionChanges,
        { server, idleTimeoutMs }: ResolvedOptions,
      ) => {
        runtimes.serve({
          makeServer: (context) => server!({ ...context, sessions }),
          refusal: (runtime, request) => changes.refusal(runtime, request),
          answered: (runtime, request, answer) => changes.answered(runtime, request, answer),
          read: (sessionId) => store.get(sessionId),
          resumed: (sessionId) => lifecycle.resumed(sessionId),
          gone: (sessionId) => lifecycle.forget(sessionId, 'ended'),
        });
        return new SessionAccess(store, runtimes, lifecycle, census, { idleTimeoutMs, registration: name });
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
  ];
}
