import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response as ExpressResponse } from 'express';
import { InMemorySessionStore, type McpSessionsOptions, type SessionMetadata } from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { callRequest, INITIALIZED, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

const echo = callRequest(1, 'echo', { text: 'x' });
const userOf: McpSessionsOptions['principal'] = (request) => request.headers['x-user'] as string | undefined;

describe('a session', () => {
  it.each(['eve', undefined])(
    'is not kept alive by the requests of %s, who does not own it',
    async (user) => {
      let now = Date.now();
      const store = new InMemorySessionStore({ now: () => now });
      const idleTimeoutMs = 100_000;
      const server = createScenario('v2').factory;
      const { url } = await startApp({ server, store, idleTimeoutMs, principal: userOf });
      const owner = await RawClient.open(url, { headers: { 'x-user': 'ada' } });
      const thief = new RawClient(url, { 'x-user': user });
      thief.sessionId = owner.sessionId;
      const { lastAccessedAt } = (await store.get(owner.sessionId!))!;
      now += 60_000;
      for (const response of [thief.post(echo), thief.post(INITIALIZED), thief.get(), thief.delete()]) {
        expect(await refusal(response)).toMatchObject({ status: 404 });
      }
      expect((await store.get(owner.sessionId!))!.lastAccessedAt).toBe(lastAccessedAt);
      now += 60_000;
      expect(await store.get(owner.sessionId!)).toBeNull();
      expect((await owner.post(echo)).status).toBe(404);
    },
  );

  it('is kept alive by its owner’s', async () => {
    let now = Date.now();
    const store = new InMemorySessionStore({ now: () => now });
    const server = createScenario('v2').factory;
    const { url } = await startApp({ server, store, idleTimeoutMs: 100_000, principal: userOf });
    const owner = await RawClient.open(url, { headers: { 'x-user': 'ada' } });
    for (let round = 0; round < 3; round += 1) {
      now += 60_000;
      expect((await owner.ask(echo)).result).toBeDefined();
    }
  });

  it.each([
    ['a request', echo],
    ['a notification', INITIALIZED],
  ])('that ended while %s of it was on its way is not counted', async (_, message) => {
    let holding = false;
    let held: Promise<void> | undefined;
    class LateStore extends InMemorySessionStore {
      override async touch(sessionId: string): Promise<SessionMetadata | null> {
        return this.late(await super.touch(sessionId));
      }
      override async get(sessionId: string): Promise<SessionMetadata | null> {
        return this.late(await super.get(sessionId));
      }
      private async late(metadata: SessionMetadata | null): Promise<SessionMetadata | null> {
        const waiting = held;
        held = undefined;
        if (waiting) holding = true;
        await waiting;
        return metadata;
      }
    }
    const server = createScenario('v2').factory;
    const { url, status } = await startApp({ server, store: new LateStore() });
    const client = await RawClient.open(url);
    let release!: () => void;
    held = new Promise((resolve) => (release = resolve));
    cleanUpLater(release);
    const onItsWay = client.post(message);
    await eventually('the request', () => holding);
    expect((await client.delete()).status).toBe(200);
    release();
    expect((await onItsWay).status).toBe(404);
    expect(status()).toMatchObject({ sessions: 0, runtimes: 0, streams: 0 });
  });
});

describe('the owner that a token names', () => {
  function authenticate(app: INestApplication): void {
    app.use((request: Request & { auth?: unknown }, _: ExpressResponse, next: NextFunction) => {
      const auth = request.headers['x-auth'] as string | undefined;
      if (auth) request.auth = JSON.parse(auth);
      next();
    });
  }
  const byClient = (clientId: string) => ({ clientId });
  const bySubject = (iss: string | undefined, sub: string, clientId = 'app') => ({
    clientId,
    extra: { iss, sub },
  });
  const as = (auth: object) => ({ 'x-auth': JSON.stringify(auth) });

  async function statusesFor(owner: object, other: object): Promise<number[]> {
    const server = createScenario('v2').factory;
    const { url } = await startApp({ server }, { prepare: authenticate });
    const client = await RawClient.open(url, { headers: as(owner) });
    const guest = new RawClient(url, as(other));
    guest.sessionId = client.sessionId;
    return [(await guest.post(echo)).status, (await client.post(echo)).status];
  }

  it.each([
    ['a client', byClient('a|b'), 'a subject', bySubject('a', 'b')],
    ['a subject', bySubject('a', 'b'), 'a client', byClient('a|b')],
    ['a client', byClient('|b'), 'a subject without issuer', bySubject(undefined, 'b')],
    ['a subject', bySubject('a|b', 'c'), 'another', bySubject('a', 'b|c')],
    ['a subject', bySubject('a', 'b|c'), 'another', bySubject('a|b', 'c')],
    ['a subject without issuer', bySubject(undefined, 'a|b'), 'another', bySubject('a', 'b')],
    ['a subject', bySubject('a%7Cb', 'c'), 'another', bySubject('a|b', 'c')],
    ['a subject', bySubject('a\\', 'b'), 'another', bySubject('a', '\\|b')],
    ['a client', byClient('["a","b"]'), 'a subject', bySubject('a', 'b')],
  ])('as %s %j cannot be taken for %s %j', async (_, owner, __, other) => {
    expect(await statusesFor(owner, other)).toEqual([404, 200]);
  });

  it('is the same with a refreshed token, and whichever client the subject uses', async () => {
    expect(await statusesFor(bySubject('a', 'b'), bySubject('a', 'b', 'other'))).toEqual([200, 200]);
  });
});
