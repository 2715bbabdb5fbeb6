import { setTimeout as sleep } from 'node:timers/promises';
import { inFlightOf } from './in-flight.mjs';
import { cpuMicroseconds } from './process-usage.mjs';
import { MARK, frameOf } from './push-event.mjs';

/**
 * What is asked of a stream manager, whoever made it.
 * @typedef {object} Streams
 * @property {(sessionId: string, controller: any) => Promise<void>} create
 * @property {(sessionIds: string[] | undefined, data: string) => Promise<void>} send
 * @property {() => Promise<void>} [close]
 */

/** The id of the session with this number, as long as a UUID. @param {number} number */
export function sessionId(number) {
  return `5f0e2c3a-7a2b-4c59-9d43-${100_000_000_000 + number}`;
}

/** Milliseconds on the clock that all processes of a machine have in common. */
function monotonicMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The connections of one process. They count the events of each stream, and note when the last one came. */
class Connections {
  /** @type {Map<number, number>} Events by the number of the session. */
  events = new Map();
  /** @type {{ chunk: Uint8Array, at: number }[]} */
  samples = [];
  total = 0;
  lastAt = 0;
  sampling = false;

  /** @param {number} number */
  controllerOf(number) {
    this.events.set(number, 0);
    return {
      desiredSize: 2 ** 20,
      enqueue: (/** @type {Uint8Array} */ chunk) => {
        let count = 0;
        for (let at = chunk.indexOf(MARK); at >= 0; at = chunk.indexOf(MARK, at + 1)) count++;
        if (count === 0) return;
        this.total += count;
        this.events.set(number, (this.events.get(number) ?? 0) + count);
        this.lastAt = monotonicMs();
        if (this.sampling) this.samples.push({ chunk, at: this.lastAt });
      },
      close: () => undefined,
    };
  }
}

/**
 * The commands of a process that has one stream manager.
 * @param {Streams} manager
 */
export function streamCommands(manager) {
  const connections = new Connections();
  return {
    cpu: cpuMicroseconds,

    /** Opens the streams of sessions `from` … `from + count - 1`; how long that took, in milliseconds. @param {{ from?: number, count: number, inFlight?: number }} size */
    async create({ from = 0, count, inFlight = 64 }) {
      const start = performance.now();
      await inFlightOf(count, inFlight, (index) =>
        manager.create(sessionId(from + index), connections.controllerOf(from + index)),
      );
      return performance.now() - start;
    },

    /** Sends events to one session each, in turn; when the first one went out. @param {{ sessions: number, count: number, inFlight: number }} size */
    async sendEach({ sessions, count, inFlight }) {
      const startedAt = monotonicMs();
      await inFlightOf(count, inFlight, (index) =>
        manager.send([sessionId(index % sessions)], frameOf(index)),
      );
      return { startedAt, resolvedAt: monotonicMs() };
    },

    /** Sends one event to the first `sessions` sessions, or to all of every instance. @param {{ sessions?: number }} size */
    async sendOnce({ sessions }) {
      const ids =
        sessions === undefined ? undefined : Array.from({ length: sessions }, (_, i) => sessionId(i));
      const startedAt = monotonicMs();
      await manager.send(ids, frameOf(0));
      return { startedAt, resolvedAt: monotonicMs() };
    },

    /** Sends events one at a time, with a pause between them; each says when it was sent. @param {{ sessions: number, count: number }} size */
    async sendSlowly({ sessions, count }) {
      for (let index = 0; index < count; index++) {
        await sleep(1);
        const text = `event: message\ndata: {"text":"¶","sentAt":${monotonicMs()},"pad":"${'x'.repeat(120)}"}\n\n`;
        await manager.send([sessionId(index % sessions)], text);
      }
    },

    /** Waits until this many events have come in all; when the last one came. @param {{ events: number, timeoutMs?: number }} size */
    async received({ events, timeoutMs = 60_000 }) {
      const deadline = performance.now() + timeoutMs;
      while (connections.total < events && performance.now() < deadline) await sleep(2);
      return { total: connections.total, lastAt: connections.lastAt };
    },

    /** The most and the least events of one stream. */
    spread() {
      const counts = [...connections.events.values()];
      return {
        most: counts.reduce((a, b) => Math.max(a, b)),
        least: counts.reduce((a, b) => Math.min(a, b)),
      };
    },

    sample() {
      connections.sampling = true;
    },

    /** How long each event took from `send` to the connection, in milliseconds. */
    delays() {
      return connections.samples.map(
        ({ chunk, at }) => at - Number(/"sentAt":([\d.]+)/.exec(Buffer.from(chunk).toString())?.[1]),
      );
    },

    /** Ends the streams of this process; how long that took, in milliseconds. */
    async close() {
      const start = performance.now();
      await manager.close?.();
      return performance.now() - start;
    },
  };
}
