/* Our side: a Nest application with the library's defaults, in memory or in Redis. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { McpSessions, McpSessionsModule, STREAM_MANAGER } from 'nestjs-mcp-sessions';
import { serveCommands } from '../lib/commands.mjs';
import { usageCommands } from '../lib/process-usage.mjs';
import { frameOf, notification } from '../lib/push-event.mjs';
import { makeServer } from './echo-server.mjs';

const url = process.env.BENCH_REDIS_URL;
const backend = url ? { type: /** @type {const} */ ('redis'), url } : 'memory';
const runtimeIdleMs = process.env.BENCH_RUNTIME_IDLE_MS && Number(process.env.BENCH_RUNTIME_IDLE_MS);
const AppModule = class AppModule {};
Module({
  imports: [
    McpSessionsModule.forRoot({
      store: backend,
      stream: backend,
      server: makeServer,
      ...(runtimeIdleMs && { runtimeIdleMs }),
    }),
  ],
})(AppModule);

const app = await NestFactory.create(AppModule);
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();
const sessions = app.get(McpSessions);
const streams = app.get(STREAM_MANAGER);

let lastNumber = 0;

/**
 * Sends `count` events to every stream, in one tick: as an application does, or one layer below.
 * @param {{ count: number, through: 'notifyAll' | 'send' }} request
 */
async function push({ count, through }) {
  const sent = [];
  for (let i = 0; i < count; i++) {
    const number = ++lastNumber;
    sent.push(
      through === 'send'
        ? streams.send(undefined, frameOf(number))
        : sessions.notifyAll(notification(number)),
    );
  }
  await Promise.all(sent);
}

serveCommands({ ...usageCommands, push }, { port });
