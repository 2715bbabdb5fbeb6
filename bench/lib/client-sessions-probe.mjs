import { setTimeout as sleep } from 'node:timers/promises';
import { clientSession, sessionId, tokens, userId } from './client-session.mjs';
import { inFlightOf } from './in-flight.mjs';
import { cpuMicroseconds } from './process-usage.mjs';

/** So many sessions are made at a time before a measurement. */
const FILL_IN_FLIGHT = 256;

/** A session that is made to end does so within this time. */
const ENDS_WITHIN_MS = 1_000;

/**
 * What is asked of the sessions of an application's users, whoever keeps them.
 * @typedef {object} ClientSessions
 * @property {(session: import('./client-session.mjs').ClientSession) => any} form The session as this side calls things.
 * @property {(session: any) => Promise<void>} create
 * @property {(session: any, ms: number) => Promise<void>} createEnding Creates a session that ends within this time.
 * @property {(userId: string, sessionId: string) => Promise<any>} get
 * @property {(userId: string, sessionId: string, data: { tokens: object }) => Promise<void>} update
 * @property {(userId: string, sessionId: string) => Promise<void>} delete
 * @property {(userId: string) => Promise<any[]>} list
 * @property {() => Promise<string[]>} listAllIds
 * @property {() => Promise<void>} cleanupExpired
 *
 * @typedef {'get' | 'create' | 'update' | 'delete'} Operation
 */

/** How long `work` takes, in milliseconds. @param {() => Promise<unknown>} work */
async function timeOf(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * @template {string | number | undefined} T
 * @param {T} found @param {T} expected @param {string} what
 */
function expectSame(found, expected, what) {
  if (found !== expected) throw new Error(`${what}: ${found} instead of ${expected}`);
}

/**
 * The commands of a process that keeps client sessions.
 * @param {ClientSessions} sessions
 */
export function clientSessionsCommands(sessions) {
  /** @param {number} number @param {number} users */
  const formOf = (number, users) => sessions.form(clientSession(number, users));

  /** Reads the session with this number. @param {number} number @param {number} users */
  const get = async (number, users) => {
    const found = await sessions.get(userId(number % users), sessionId(number));
    expectSame(found?.sessionId, sessionId(number), 'get');
  };

  /** Reads one session after the other; the longest time that one took, in milliseconds. @param {{ users: number, until: Promise<unknown> }} size */
  const worstGet = async ({ users, until }) => {
    let isOver = false;
    void until.finally(() => (isOver = true));
    let worst = 0;
    for (let number = 0; !isOver; number = (number + 1) % users) {
      worst = Math.max(worst, await timeOf(() => get(number, users)));
      await sleep(1);
    }
    return worst;
  };

  return {
    /** @param {{ sessions: number, users: number }} size */
    async fill({ sessions: count, users }) {
      await inFlightOf(count, FILL_IN_FLIGHT, (number) => sessions.create(formOf(number, users)));
    },

    /** Operations per second, each on a session of its own. @param {{ operation: Operation, inFlight: number, users: number, warmUp: number, count: number }} load */
    async operations({ operation, inFlight, users, warmUp, count }) {
      const all = Array.from({ length: warmUp + count }, (_, number) => formOf(number, users));
      if (operation !== 'create')
        await inFlightOf(all.length, FILL_IN_FLIGHT, (n) => sessions.create(all[n]));
      /** @type {Record<Operation, (number: number) => Promise<void>>} */
      const work = {
        get: (number) => get(number, users),
        create: (number) => sessions.create(all[number]),
        update: (number) =>
          sessions.update(userId(number % users), sessionId(number), { tokens: tokens(number + 1) }),
        delete: (number) => sessions.delete(userId(number % users), sessionId(number)),
      };
      await inFlightOf(warmUp, inFlight, work[operation]);
      const cpuBefore = cpuMicroseconds();
      const ms = await timeOf(() => inFlightOf(count, inFlight, (n) => work[operation](warmUp + n)));
      const cpu = cpuMicroseconds() - cpuBefore;
      return { value: count / (ms / 1000), cpuMicrosecondsEach: cpu / count, cpuShare: cpu / 1000 / ms };
    },

    /** Lists of one user after the other per second. @param {{ sessions: number, users: number, warmUp: number, count: number }} load */
    async list({ sessions: total, users, warmUp, count }) {
      const listOne = async (/** @type {number} */ number) => {
        const found = await sessions.list(userId(number % users));
        expectSame(found.length, total / users, 'sessions of a user');
      };
      await inFlightOf(warmUp, 1, listOne);
      const cpuBefore = cpuMicroseconds();
      const ms = await timeOf(() => inFlightOf(count, 1, listOne));
      const cpu = cpuMicroseconds() - cpuBefore;
      return { value: count / (ms / 1000), cpuMicrosecondsEach: cpu / count };
    },

    /** How long the ids of all sessions take, and the longest that a `get` takes meanwhile. @param {{ sessions: number, users: number }} size */
    async listAllIds({ sessions: total, users }) {
      const once = async () => {
        const listing = timeOf(async () =>
          expectSame((await sessions.listAllIds()).length, total, 'ids of all sessions'),
        );
        return { worstGetMs: await worstGet({ users, until: listing }), ms: await listing };
      };
      await once(); // to warm up
      return once();
    },

    /** How long it takes to clean up after sessions that have ended, in milliseconds. @param {{ sessions: number, users: number, ended: number }} size */
    async cleanup({ sessions: total, users, ended }) {
      const once = async () => {
        await inFlightOf(ended, FILL_IN_FLIGHT, (n) =>
          sessions.createEnding(formOf(total + n, users), ENDS_WITHIN_MS),
        );
        await sleep(1.5 * ENDS_WITHIN_MS);
        return timeOf(() => sessions.cleanupExpired());
      };
      await once(); // to warm up
      return { value: await once() };
    },
  };
}
