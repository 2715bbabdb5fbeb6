import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response as ExpressResponse } from 'express';
import {
  InMemorySessionStore,
  InMemoryStreamManager,
  SessionStoreUnavailableError,
  type McpSessionsOptions,
  type SessionMetadata,
} from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** A store whose next calls do first what the test says, one after the other. */
class StagedStore extends InMemorySessionStore {
  private steps: (() => Promise<void> | void)[] = [];
  everyCall: () => Promise<void> | void = () => undefined;

  next(...steps: (() => Promise<void> | void)[]): void {
    this.steps = steps;
  }

  override async touch(sessionId: string): Promise<SessionMetadata | null> {
    await this.step();
    return super.touch(sessionId);
  }

  override async get(sessionId: string): Promise<SessionMetadata | null> {
    await this.step();
    return super.get(sessionId);
  }

  override async has(sessionId: string): Promise<boolean> {
    await this.step();
    return super.has(sessionId);
  }

  override async setWithTTL(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void> {
    await this.step();
    return super.setWithTTL(sessionId, data, ttlMs);
  }

  private async step(): Promise<void> {
    await this.everyCall();
    await this.steps.shift()?.();
  }
}

const pass = (): void => undefined;
const CHANGED = { method: 'notifications/tools/list_changed' };

/** A step that stops until the test goes on. */
function stop() {
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const state = {
    reached: false,
    release,
    step: (): Promise<void> => {
      state.reached = true;
      return released;
    },
  };
  cleanUpLater(release);
  return state;
}

async function started(options: McpSessionsOptions = {}, prepare?: (app: INestApplication) => void) {
  const store = new StagedStore();
  const app = await startApp({ server: createScenario('v2').factory, store, ...options }, { prepare });
  return { ...app, store };
}

/** A GET that the test does not read, and that ends with the test. */
function openGet(client: RawClient, headers = {}): Promise<Response> {
  const controller = new AbortController();
  cleanUpLater(() => controller.abort());
  return client.get(headers, { signal: controller.signal });
}

/** Some requests later, what was under way has happened. */
async function settled(url: string): Promise<void> {
  for (let count = 0; count < 5; count += 1) await (await fetch(url, { method: 'PUT' })).text();
}

describe('a GET stream', () => {
  it('is let go when the store fails after it was attached: the next one gets what was sent', async () => {
    const { url, store, sessions, status } = await started();
    const client = await RawClient.open(url);
    store.next(pass, () => Promise.reject(new SessionStoreUnavailableError()));
    expect((await refusal(openGet(client))).status).toBe(503);
    await eventually('the end', async () => !(await sessions.isConnected(client.sessionId!)));
    expect(status().streams).toBe(0);
    store.next();
    await sessions.notify(client.sessionId!, CHANGED);
    expect((await (await client.listen()).nextMessage())!.method).toBe(CHANGED.method);
  });

  it.each(['new', 'resumed'])(
    'that another one took over meanwhile does not tell its client to stay away, %s',
    async (kind) => {
      const { url, store, sessions } = await started();
      const client = await RawClient.open(url, { version: '2025-06-18' });
      let after: string | undefined;
      if (kind === 'resumed') {
        const main = await client.listen();
        await sessions.notify(client.sessionId!, CHANGED);
        await main.nextMessage();
        after = main.lastEventId;
        await main.close();
        await eventually('the end', async () => !(await sessions.isConnected(client.sessionId!)));
      }
      const stopped = stop();
      store.next(pass, stopped.step);
      const first = openGet(client, { 'last-event-id': after });
      await eventually('the second look at the store', () => stopped.reached);
      const second = await client.listen();
      await sessions.notify(client.sessionId!, CHANGED);
      await second.nextMessage();
      stopped.release();
      expect([200, 409, 429, 503]).toContain((await first).status);
    },
  );
});

describe('a request that a middleware answers first', () => {
  /** Answers marked requests when the test says so, and hands them on all the same. */
  function early() {
    const responses: ExpressResponse[] = [];
    const prepare = (app: INestApplication): void => {
      app.use((request: Request, response: ExpressResponse, next: NextFunction) => {
        if (request.headers['x-early'] !== undefined) responses.push(response);
        next();
      });
    };
    return { responses, prepare };
  }

  it('leaves no session and no stream behind: GET /mcp/sse', async () => {
    const { responses, prepare } = early();
    const { url, store, status, sessions } = await started({}, prepare);
    const stopped = stop();
    store.next(stopped.step);
    const answer = openGet(new RawClient(`${url}/sse`), { 'x-early': 'yes' });
    await eventually('the store', () => stopped.reached);
    responses[0]!.status(503).end();
    expect((await answer).status).toBe(503);
    stopped.release();
    await settled(url);
    await eventually('the end', () => status().streams === 0 && status().sessions === 0);
    const ids: string[] = [];
    for await (const id of sessions.list()) ids.push(id);
    expect(ids).toEqual([]);
  });

  it.each(['a middleware answers', 'the client hangs up'])(
    'leaves no stream behind: GET /mcp when %s',
    async (by) => {
      const { responses, prepare } = early();
      const stream = new InMemoryStreamManager();
      const { url, store, status, sessions } = await started({ stream }, prepare);
      const client = await RawClient.open(url);
      const stopped = stop();
      store.next(stopped.step);
      const controller = new AbortController();
      const answer = client.get({ 'x-early': 'yes' }, { signal: controller.signal }).then(
        (response) => response.status,
        () => 'hung up',
      );
      await eventually('the store', () => stopped.reached);
      if (by === 'a middleware answers') responses[0]!.status(503).end();
      else controller.abort();
      expect([503, 'hung up']).toContain(await answer);
      await eventually('the end of the response', () => responses[0]!.closed);
      stopped.release();
      await settled(url);
      await eventually('the end', () => status().streams === 0);
      await eventually('its release', async () => !(await sessions.isConnected(client.sessionId!)));
      expect(stream.size).toBe(0);
      await sessions.notify(client.sessionId!, CHANGED);
      expect((await (await client.listen()).nextMessage())!.method).toBe(CHANGED.method);
    },
  );

  it('leaves no stream behind: POST /mcp', async () => {
    const { responses, prepare } = early();
    const { url, store, status } = await started({}, prepare);
    const client = await RawClient.open(url);
    const stopped = stop();
    store.next(stopped.step);
    const answer = client.post(callRequest(1, 'echo', { text: 'x' }), { 'x-early': 'yes' });
    await eventually('the store', () => stopped.reached);
    responses[0]!.status(503).end();
    expect((await answer).status).toBe(503);
    stopped.release();
    await settled(url);
    await eventually('the end', () => status().streams === 0);
  });
});

describe('the limit of streams', () => {
  const statusesOf = (answers: Response[]) =>
    answers.map((response) => response.status).sort((one, other) => one - other);

  it('holds for GET /mcp/sse at once', async () => {
    const { url, store, status } = await started({ limits: { streams: 3 } });
    store.everyCall = () => delay(30);
    const attempts = Array.from({ length: 10 }, () => openGet(new RawClient(`${url}/sse`)));
    const statuses = statusesOf(await Promise.all(attempts));
    expect(statuses).toEqual([200, 200, 200, ...Array.from({ length: 7 }, () => 503)]);
    await eventually('the refused', () => status().sessions === 3);
    expect(status().streams).toBe(3);
  });

  it('holds for GET /mcp at once, and is free again after', async () => {
    const { url, store, status } = await started({ limits: { streams: 3 } });
    const clients: RawClient[] = [];
    for (let count = 0; count < 10; count += 1) clients.push(await RawClient.open(url));
    store.everyCall = () => delay(30);
    const answers = await Promise.all(clients.map((client) => openGet(client)));
    const statuses = statusesOf(answers);
    expect(statuses).toEqual([200, 200, 200, ...Array.from({ length: 7 }, () => 503)]);
    for (const answer of answers) await answer.body?.cancel();
    await eventually('the end', () => status().streams === 0);
    expect((await clients[0]!.ask(callRequest(1, 'echo', { text: 'x' }))).result).toBeDefined();
  });
});
