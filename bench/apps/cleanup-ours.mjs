/* An instance that knows many sessions in Redis, and cleans up. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { McpSessionsModule, SESSION_STORE } from 'nestjs-mcp-sessions';
import { serveCommands } from '../lib/commands.mjs';
import { metadata, sessionIds } from '../lib/session-metadata.mjs';
import { makeServer } from './echo-server.mjs';

/** What the library keeps to itself. @param {string} path */
const internal = (path) => import(new URL(path, import.meta.resolve('nestjs-mcp-sessions')).href);
const { SessionCleanup } = await internal('maintenance/session-cleanup.js');
const { SessionCensus } = await internal('mcp/session-census.js');

const DAY_MS = 86_400_000;
const url = `redis://127.0.0.1:${process.env.BENCH_REDIS_PORT}`;
const backend = { type: /** @type {const} */ ('redis'), url };
const AppModule = class AppModule {};
Module({
  imports: [
    McpSessionsModule.forRoot({
      store: backend,
      stream: backend,
      server: makeServer,
      limits: { sessions: 1_000_000 },
    }),
  ],
})(AppModule);
const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
const store = app.get(SESSION_STORE);
const census = app.get(SessionCensus);
const cleanup = app.get(SessionCleanup);

/** Makes sessions known that were seen a day ago. @param {number} count */
function seeLongAgo(count) {
  // Longest unseen first, as the census has them.
  const seen = [...census.known];
  census.known.clear();
  for (const id of sessionIds(count)) census.see(`expired-${id}`, undefined, Date.now() - DAY_MS);
  for (const [id, session] of seen) census.known.set(id, session);
}

serveCommands({
  /** Stores sessions that this instance has just seen. @param {{ sessions: number }} size */
  async fill({ sessions }) {
    const ids = sessionIds(sessions);
    for (let from = 0; from < sessions; from += 1_000) {
      await Promise.all(ids.slice(from, from + 1_000).map((id) => store.set(id, metadata())));
    }
    for (const id of ids) census.see(id, undefined);
  },

  /**
   * Times runs, before each of which `expired` sessions are known that were seen a day ago and have expired in Redis.
   * @param {{ rounds: number, expired: number }} size
   * @returns the time of a run, in milliseconds
   */
  async measure({ rounds, expired }) {
    let ms = 0;
    for (let round = 0; round < rounds; round++) {
      const before = census.size;
      if (expired > 0) seeLongAgo(expired);
      const start = performance.now();
      await cleanup.run();
      ms += performance.now() - start;
      if (census.size !== before) throw new Error('expired sessions are still known');
    }
    return ms / rounds;
  },
});
