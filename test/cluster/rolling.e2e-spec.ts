import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { startRoundRobinProxy } from '../../scripts/round-robin-proxy.mjs';
import { AppProcess } from '../support/app-process.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { connectClient, type TestClient } from '../support/test-client.js';

let redis: RedisServer;
beforeAll(async () => (redis = await RedisServer.start()));
afterAll(() => redis.dispose());

const CLIENTS = 6;
const ATTEMPTS = 8;
const RETRY_MS = 100;
/** Well beyond the 2 s that a question waits, and the 2 s after which a dead instance's calls are answered for it. */
const CALL_TIMEOUT_MS = 8_000;

/** Three processes on one Redis, behind a proxy that sends each request to the next one. */
async function startProcesses() {
  const start = (port?: number): Promise<AppProcess> =>
    AppProcess.start({
      port,
      retryMs: 50,
      shutdownGraceMs: 2_000,
      store: { type: 'redis', url: redis.url },
      stream: { type: 'redis', url: redis.url, heartbeatInterval: 1 },
    });
  const processes = await Promise.all([start(), start(), start()]);
  const proxy = await startRoundRobinProxy(processes.map(({ origin }) => origin));
  cleanUpLater(() => proxy.close());
  return { processes, origin: proxy.origin, start };
}

/** Calls tools until it is told to stop, and tries again what failed as a client would. */
class Caller {
  readonly failures: unknown[] = [];
  /** Calls that nobody ended in time: no answer, no broken connection, and no timeout of a question. */
  readonly hanging: unknown[] = [];
  calls = 0;
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(private readonly client: TestClient) {
    this.done = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.calls += 1;
      const asksUser = this.calls % 5 === 0;
      const expected = asksUser ? '{"action":"accept","name":"Ada"}' : `call ${this.calls}`;
      const answer = await this.attempt(() =>
        asksUser ? this.ask() : this.client.call('echo', { text: expected }, { timeout: CALL_TIMEOUT_MS }),
      );
      if (answer !== undefined) expect(answer).toBe(expected);
      await delay(20);
    }
  }

  /** An answer that the client sent to an instance which was just killed is lost: then the question's own timeout ends it. */
  private async ask(): Promise<string> {
    const answer = await this.client.call('ask', {}, { timeout: CALL_TIMEOUT_MS });
    if (answer === 'Request timed out') throw new Error('The question was not answered');
    return answer;
  }

  private async attempt(call: () => Promise<string>): Promise<string | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (/timed? ?out/i.test(String(error))) this.hanging.push(error);
        if (attempt === ATTEMPTS) {
          this.failures.push(error);
          return undefined;
        }
        // An instance that is stopped while a question waits for its answer says 503 for as long as it waits.
        await delay(RETRY_MS);
      }
    }
  }
}

describe('P1 P2 P3 P5 three processes that are ended and started again one after another, under load', () => {
  it('lose no call, no event and no question', async () => {
    const { processes, origin, start } = await startProcesses();
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) =>
        connectClient(index % 2 ? 'v1' : 'v2', 'Streamable HTTP', origin),
      ),
    );
    const callers = clients.map((client) => new Caller(client));
    const sent: number[] = [];
    let notifying = true;
    const notifier = (async () => {
      for (let number = 1; notifying; number += 1) {
        const sender = processes[number % processes.length]!;
        const sessionIds = number % 2 ? clients.map((client) => client.sessionId()!) : undefined;
        if (await sender.notify('test', number, sessionIds)) sent.push(number);
        await delay(10);
      }
    })();

    for (const [index, signal] of (['SIGKILL', 'SIGTERM', 'SIGKILL'] as const).entries()) {
      await delay(700);
      const { port } = processes[index]!;
      await processes[index]!.kill(signal);
      await delay(300);
      processes[index] = await start(port);
    }
    await delay(500);
    notifying = false;
    await notifier;
    await Promise.all(callers.map((caller) => caller.stop()));

    for (const [index, client] of clients.entries()) {
      const seen = () =>
        client.notifications
          .filter(({ method }) => method === 'notifications/counted')
          .map(({ params }) => params!.number as number);
      await eventually(
        `client ${index} has everything`,
        () => sent.every((number) => seen().includes(number)),
        15_000,
      );
      const numbers = seen();
      expect(numbers.length).toBe(new Set(numbers).size);
      // Whoever dies in the middle of sending may have sent: that event is extra, but not out of order.
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    expect(callers.flatMap(({ failures }) => failures)).toEqual([]);
    expect(callers.flatMap(({ hanging }) => hanging)).toEqual([]);
    expect(sent.length).toBeGreaterThan(50);
    expect(Math.min(...callers.map(({ calls }) => calls))).toBeGreaterThan(20);
  }, 90_000);
});
