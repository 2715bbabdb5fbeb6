import type { Provider } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { LazySessions } from '../client-sessions/lazy-sessions.js';
import { ClientSessionsCleanup } from '../maintenance/client-sessions-cleanup.js';
import { GracefulShutdown } from '../maintenance/graceful-shutdown.js';
import { SessionCleanup } from '../maintenance/session-cleanup.js';
import { Readiness } from '../mcp/readiness.js';
import { SessionCensus } from '../mcp/session-census.js';
import { SessionLifecycle } from '../mcp/session-lifecycle.js';
import { SessionRuntimes } from '../mcp/session-runtimes.js';
import type { CompleteSessionStore, SessionStore } from '../session-store/session-store.interface.js';
import { SseConnections } from '../streams/sse-connections.js';
import { COMPLETE_STORE, OPTIONS } from './internal-tokens.js';
import { getSessionStoreToken, getStreamManagerToken } from './mcp-sessions.constants.js';
import type { ResolvedOptions } from './resolved-options.interface.js';

/** The scheduled jobs of a registration, and its shutdown. */
export function maintenanceProviders(name: string | undefined): Provider[] {
  const STORE = getSessionStoreToken(name);
  const STREAMS = getStreamManagerToken(name);
  return [
    {
      provide: ClientSessionsCleanup,
      inject: [SchedulerRegistry, OPTIONS],
      useFactory: (
        scheduler: SchedulerRegistry,
        { cleanupIntervalMs: intervalMs, sessions }: ResolvedOptions,
      ) => {
        const jobName = ['mcp-sessions', name, 'client-sessions-cleanup'].filter(Boolean).join(':');
        const lazy = sessions instanceof LazySessions ? sessions : undefined;
        const isInUse = () => lazy?.isInUse ?? true;
        const hold = lazy && (() => lazy.hold());
        return new ClientSessionsCleanup(scheduler, { jobName, intervalMs, isInUse, hold }, sessions);
      },
    },
    {
      provide: SessionCleanup,
      inject: [
        SchedulerRegistry,
        OPTIONS,
        STORE,
        COMPLETE_STORE,
        SessionLifecycle,
        SessionCensus,
        SseConnections,
        SessionRuntimes,
      ],
      useFactory: (
        scheduler: SchedulerRegistry,
        { cleanupIntervalMs: intervalMs, idleTimeoutMs }: ResolvedOptions,
        ownStore: SessionStore,
        store: CompleteSessionStore,
        lifecycle: SessionLifecycle,
        census: SessionCensus,
        connections: SseConnections,
        runtimes: SessionRuntimes,
      ) => {
        const inUse = () => new Set([...connections.sessionIds(), ...runtimes.busySessionIds()]);
        const jobName = ['mcp-sessions', name, 'cleanup'].filter(Boolean).join(':');
        const config = { jobName, intervalMs, idleTimeoutMs, storeExpires: 'setWithTTL' in ownStore };
        return new SessionCleanup(scheduler, config, store, lifecycle, census, inUse);
      },
    },
    {
      provide: GracefulShutdown,
      inject: [OPTIONS, Readiness, SessionRuntimes, SseConnections, STREAMS, STORE, SessionLifecycle],
      useFactory: (
        { shutdownGraceMs: graceMs, retryMs }: ResolvedOptions,
        ...parts: ConstructorParameters<typeof GracefulShutdown> extends [unknown, ...infer Rest]
          ? Rest
          : never
      ) => new GracefulShutdown({ graceMs, retryMs }, ...parts),
    },
  ];
}
