import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { callRequest, initializeRequest, INITIALIZED, RawClient, refusal } from '../support/raw-client.js';
import { createScenario, type ServerSdk } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** As bearer authentication leaves it; the token is `issuer/subject/serial`. */
function authenticate(app: INestApplication): void {
  app.use((request: Request & { auth?: unknown }, _: Response, next: NextFunction) => {
    const token = request.headers.authorization?.replace('Bearer ', '');
    const [iss, sub] = token?.split('/') ?? [];
    if (sub) request.auth = { token, clientId: 'app', scopes: [], extra: { iss, sub } };
    else if (token) request.auth = { token, clientId: token, scopes: [] };
    next();
  });
}

const as = (token: string) => ({ authorization: `Bearer ${token}` });
const echo = callRequest(1, 'echo', { text: 'x' });

async function started(sdk: ServerSdk = 'v2', options = {}) {
  const scenario = createScenario(sdk);
  const app = await startApp({ server: scenario.factory, ...options }, { prepare: authenticate });
  return { ...app, scenario };
}

describe('a session', () => {
  it.each([
    ['another subject', 'issuer/eve/1'],
    ['another issuer', 'other/ada/1'],
    ['a client without a subject', 'app'],
    ['nobody', undefined],
  ])('P7 does not exist for %s, by any verb and any event id', async (_, token) => {
    const { url, scenario, events } = await started();
    const owner = await RawClient.open(url, { headers: as('issuer/ada/1') });
    const stream = await owner.stream(callRequest(1, 'controlled', { name: 'a' }));
    const call = await scenario.control.started('a');
    await call.say('secret');
    await stream.nextMessage();
    const main = await owner.listen();

    const thief = new RawClient(url, token === undefined ? {} : as(token));
    thief.sessionId = owner.sessionId;
    const unknown = new RawClient(url, { 'mcp-session-id': 'unknown' });
    const notFound = await refusal(unknown.get());
    for (const response of [
      thief.post(echo),
      thief.post(INITIALIZED),
      thief.post(initializeRequest()),
      thief.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }),
      thief.get(),
      thief.get({ 'last-event-id': stream.lastEventId }),
      thief.get({ 'last-event-id': 'nonsense' }),
      thief.delete(),
    ]) {
      const { status, code, message } = await refusal(response);
      expect({ status, code, message }).toEqual({ status: 404, code: -32001, message: notFound.message });
    }
    // An own session does not help with the other's events.
    const own = await RawClient.open(url, token === undefined ? {} : { headers: as(token) });
    expect((await own.get({ 'last-event-id': stream.lastEventId })).status).toBe(400);

    expect(call.signal.aborted).toBe(false);
    call.finish('done');
    expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
    expect((await owner.ask(echo)).result).toBeDefined();
    expect(main.messages).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['created', 'created']);
  });

  it('P7 of HTTP+SSE does not exist for others either', async () => {
    const { url } = await started();
    const stream = await new RawClient(`${url}/sse`, as('issuer/ada/1')).listen();
    const endpoint = new URL((await stream.next())!.data!, url).href;
    const theft = new RawClient(endpoint, as('issuer/eve/1')).post(initializeRequest('2024-11-05'));
    expect(await refusal(theft)).toMatchObject({ status: 404, code: -32001 });
    expect(
      (await new RawClient(endpoint, as('issuer/ada/2')).post(initializeRequest('2024-11-05'))).status,
    ).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 0, result: {} });
  });

  it('P7 stays its owner’s when the token is refreshed, and after its server object was dropped', async () => {
    const { url, sessions, status } = await started('v2', { limits: { runtimes: 1 } });
    const owner = await RawClient.open(url, { headers: as('issuer/ada/1') });
    await RawClient.open(url, { headers: as('issuer/ada/1') });
    expect(status().runtimes).toBe(1);
    expect((await owner.ask(echo, as('issuer/ada/2'))).result).toBeDefined();
    expect((await owner.post(echo, as('issuer/eve/1'))).status).toBe(404);
    expect(await sessions.get(owner.sessionId!)).toMatchObject({ principal: 'issuer|ada' });
  });

  it('P7 that nobody owns does not belong to whoever has a token', async () => {
    const { url } = await started();
    const anonymous = await RawClient.open(url);
    expect((await anonymous.post(echo, as('issuer/ada/1'))).status).toBe(404);
    expect((await anonymous.post(echo)).status).toBe(200);
  });

  it('belongs to whom the application says', async () => {
    const { url, sessions } = await started('v2', {
      principal: (request: Request) => request.headers['x-user'] as string | undefined,
    });
    const owner = await RawClient.open(url, { headers: { 'x-user': 'ada' } });
    expect((await owner.post(echo, { 'x-user': 'eve' })).status).toBe(404);
    expect(await sessions.get(owner.sessionId!)).toMatchObject({ principal: 'ada' });
  });

  it.each(['v1', 'v2'] as const)('tells its handlers who asks (server %s)', async (sdk) => {
    const { url } = await started(sdk);
    const owner = await RawClient.open(url, { headers: as('issuer/ada/1') });
    const answer = await owner.ask(callRequest(1, 'whoami'), as('issuer/ada/2'));
    expect(JSON.parse(answer.result.content[0].text).auth).toMatchObject({
      token: 'issuer/ada/2',
      clientId: 'app',
    });
  });
});

describe('a principal function that does not say who it is', () => {
  it.each<[string, () => unknown]>([
    ['a promise', () => Promise.resolve('ada')],
    ['a promise', () => Promise.reject(new Error('No such token'))],
    ['null', () => null],
    ['a value of type object', () => ({ id: 'ada' })],
    ['a value of type number', () => 7],
  ])('but returns %s is answered with 500, and named in the log', async (what, principal) => {
    const { url, logger, events } = await started('v2', { principal });
    for (const response of [
      new RawClient(url).post(initializeRequest()),
      new RawClient(url, { 'mcp-session-id': 'unknown' }).post(echo),
      new RawClient(`${url}/sse`).get(),
      new RawClient(`${url}/messages?sessionId=unknown`).post(initializeRequest('2024-11-05')),
    ]) {
      expect(await refusal(response)).toMatchObject({ status: 500, code: -32603 });
    }
    const message = `The option \`principal\` must return a string or undefined; it returned ${what}.`;
    expect(logger.errors).toHaveLength(4);
    for (const error of logger.errors) expect(error).toContain(message);
    expect(events).toEqual([]);
  });
});
