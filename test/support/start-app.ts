import 'reflect-metadata';
import { setImmediate } from 'node:timers/promises';
import { Module, type DynamicModule, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  McpSessions,
  McpSessionsHealth,
  McpSessionsModule,
  type McpSessionsModuleExtras,
  type McpSessionsOptions,
  type McpSessionsStatus,
  type SessionLifecycleEvent,
} from 'nestjs-mcp-sessions';
import { CapturedLogger } from './captured-logger.js';
import { cleanUpLater } from './clean-up.js';

export interface StartedApp {
  app: INestApplication;
  port: number;
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** Where Streamable HTTP is, unless the test mounted it elsewhere. */
  url: string;
  sessions: McpSessions;
  events: SessionLifecycleEvent[];
  logger: CapturedLogger;
  status: () => McpSessionsStatus;
  close: () => Promise<void>;
}

export interface StartSettings {
  port?: number;
  /** Called before the application listens. */
  prepare?: (app: INestApplication) => void;
  /** More of the application's own module. */
  metadata?: ModuleMetadata;
}

/** Starts an application with one unnamed registration, in memory unless the options say otherwise. */
export function startApp(
  options: McpSessionsOptions & McpSessionsModuleExtras,
  settings: StartSettings = {},
): Promise<StartedApp> {
  const module = McpSessionsModule.forRoot({
    store: 'memory',
    stream: 'memory',
    retryMs: 20,
    shutdownGraceMs: 100,
    ...options,
  });
  return startWith([module], settings);
}

/** Starts an application with these modules. */
export async function startWith(
  imports: (DynamicModule | Promise<DynamicModule>)[],
  { port = 0, prepare, metadata = {} }: StartSettings = {},
): Promise<StartedApp> {
  @Module({ ...metadata, imports: [...imports, ...(metadata.imports ?? [])] })
  class AppModule {}

  const logger = new CapturedLogger();
  // Unused keep-alive sockets of `fetch` would hold up `close` otherwise.
  const app = await NestFactory.create(AppModule, {
    logger,
    forceCloseConnections: true,
    abortOnError: false,
  });
  prepare?.(app);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= app.close().then(() => socketsNoticed()));
  cleanUpLater(close);
  await app.listen(port, '127.0.0.1');
  const origin = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;

  const events: SessionLifecycleEvent[] = [];
  const sessions = app.get(McpSessions, { strict: false });
  sessions.events$.subscribe((event) => events.push(event));
  const health = app.get(McpSessionsHealth, { strict: false });
  return {
    app,
    port: Number(new URL(origin).port),
    origin,
    url: `${origin}/mcp`,
    sessions,
    events,
    logger,
    status: () => health.check('mcp').mcp,
    close,
  };
}

/** `fetch` of this same process uses a socket again whose end it has not read yet. */
async function socketsNoticed(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}
