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

/** Runs of the cleanup so far. Each takes place half a day after the sessions that it finds expired were seen. */
let runs = 0;
let firstSeenAt = 0;

serveCommands({
  /**
   * Stores sessions that this instance has just seen. Besides, it knows `expired` sessions for each of `rounds` runs, which
   * were seen some days ago, a day apart, and have expired in Redis.
   * @param {{ sessions: number, expired: number, rounds: number }} size
   */
  async fill({ sessions, expired, rounds }) {
    firstSeenAt = Date.now() - (rounds + 1) * DAY_MS;
    for (let round = 0; round < rounds; round++) {
      for (const id of sessionIds(expired)) {
        census.see(`expired-${round}-${id}`, undefined, firstSeenAt + round * DAY_MS);
      }
    }
    const ids = sessionIds(sessions);
    for (let from = 0; from < sessions; from += 1_000) {
      await Promise.all(ids.slice(from, from + 1_000).map((id) => store.set(id, metadata())));
    }
    for (const id of ids) census.see(id, undefined);
  },

  /**
   * Times runs, each of which finds `expired` sessions.
   * @param {{ rounds: number, expired: number }} size
   * @returns the time of a run, in milliseconds
   */
  async measure({ rounds, expired }) {
    let ms = 0;
    for (let round = 0; round < rounds; round++) {
      const before = census.size;
      const now = firstSeenAt + runs * DAY_MS + DAY_MS / 2;
      const start = performance.now();
      await cleanup.run(now);
      ms += performance.now() - start;
      runs += 1;
      if (census.size !== before - expired)
        throw new Error(`${before - census.size} sessions were found expired`);
    }
    return ms / rounds;
  },
});
