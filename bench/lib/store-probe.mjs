import { cpuMicroseconds } from './process-usage.mjs';
import { metadata, sessionIds } from './session-metadata.mjs';

const SESSIONS = 1_000;

/**
 * What is asked of a store, whoever keeps it.
 * @typedef {object} StoreOperations
 * @property {(sessionId: string) => Promise<any>} get
 * @property {(sessionId: string, data: any) => Promise<unknown>} set
 * @property {(sessionId: string) => Promise<any>} touch
 *
 * @typedef {{ operation: 'get' | 'set' | 'touch', inFlight: number, warmUpMs: number, ms: number }} StoreLoad
 */

/**
 * Operations per second on 1,000 sessions, with `inFlight` of them under way at any time.
 * @param {StoreOperations} store
 * @param {StoreLoad} load
 */
export async function measureOperations(store, { operation, inFlight, warmUpMs, ms }) {
  const ids = sessionIds(SESSIONS);
  const sessions = ids.map((id) => ({ ...metadata(), principal: `https://issuer.example|${id}` }));
  await Promise.all(ids.map((id, index) => store.set(id, sessions[index])));

  let next = 0;
  const once = async () => {
    next = (next + 1) % SESSIONS;
    const { principal } = sessions[next];
    if (operation === 'set') return void (await store.set(ids[next], sessions[next]));
    const found = await store[operation](ids[next]);
    if (found?.principal !== principal) throw new Error(`${operation} found another session, or none`);
  };
  /** @param {number} forMs */
  const run = async (forMs) => {
    const start = performance.now();
    let count = 0;
    const worker = async () => {
      while (performance.now() - start < forMs) {
        await once();
        count++;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return { count, elapsedMs: performance.now() - start };
  };

  await run(warmUpMs);
  const cpuBefore = cpuMicroseconds();
  const { count, elapsedMs } = await run(ms);
  const cpu = cpuMicroseconds() - cpuBefore;
  return {
    value: count / (elapsedMs / 1000),
    cpuMicrosecondsEach: cpu / count,
    cpuShare: cpu / 1000 / elapsedMs,
  };
}
