import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { CLAIM_REQUEST } from '../../libs/mcp-sessions/src/redis/scripts/claim-request.lua.js';
import { REGISTER_REQUEST } from '../../libs/mcp-sessions/src/redis/scripts/register-request.lua.js';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ManagerProcess } from './manager-process.js';

let server: RedisServer;
let commands: CuttingProxy;
let messages: CuttingProxy;
/** Sends requests to clients; and receives their answers. */
let asking: ManagerProcess;
let answered: ManagerProcess;
let sessions = 0;
let sessionId: string;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
  commands = await CuttingProxy.before(server.port, (end) => endings.push(end));
  messages = await CuttingProxy.before(server.port, (end) => endings.push(end));
  const settings = { heartbeatInterval: 0.3, commandTimeoutMs: 1_500 };
  const through = { url: urlOf(commands), pubSubUrl: urlOf(messages) };
  [asking, answered] = await Promise.all([
    ManagerProcess.start({ ...settings, ...through }),
    ManagerProcess.start({ ...settings, url: urlOf(commands), pubSubUrl: server.url }),
  ]);
}, 30_000);
beforeEach(() => {
  sessionId = `session-${(sessions += 1)}`;
});
afterEach(() => {
  expect([...asking.unexpected, ...answered.unexpected]).toEqual([]);
});
afterAll(async () => {
  await Promise.all([asking.kill(), answered.kill()]);
  for (const end of endings) await end();
  await server.dispose();
});

function urlOf(proxy: CuttingProxy): string {
  return proxy.origin.replace('http', 'redis');
}

function answer(id: string | number, text = 'yes'): object {
  return { jsonrpc: '2.0', id, result: { text } };
}

function register(id: string | number): Promise<void> {
  return asking.call('register', id, sessionId);
}

function forward(message: object, session = sessionId): Promise<boolean> {
  return answered.call('forward', message, session);
}

/** The answers that the asking instance has been handed for this session, now and a moment later. */
async function expectAnswers(...expected: object[]): Promise<void> {
  const own = async (): Promise<unknown[]> => {
    const all = await asking.call<[unknown, string][]>('answers');
    return all.filter(([, session]) => session === sessionId).map(([message]) => message);
  };
  await eventually('the answers', async () => (await own()).length >= expected.length);
  await delay(50);
  expect(await own()).toEqual(expected);
}

describe('A client’s answer to a request of another instance', () => {
  it('P3 is handed over once, however often it comes', async () => {
    await register(1);
    const attempts = await Promise.all([forward(answer(1)), forward(answer(1)), forward(answer(1))]);
    expect(attempts.toSorted()).toEqual([false, false, true]);
    expect(await forward(answer(1, 'again'))).toBe(false);
    expect(await asking.call('forward', answer(1, 'here'), sessionId)).toBe(false);
    await expectAnswers(answer(1));
  });

  it('P3 from another session, or with another kind of id, is handed to nobody', async () => {
    await register(1);
    expect(await forward(answer('1'))).toBe(false);
    expect(await forward(answer(1), `${sessionId} other`)).toBe(false);
    expect(await forward(answer(2))).toBe(false);
    await expectAnswers();
    expect(await forward(answer(1))).toBe(true);
    await expectAnswers(answer(1));
  });

  it('P3 is of no use any more once it has come to the asking instance itself', async () => {
    await register(1);
    expect(await asking.call('forward', answer(1), sessionId)).toBe(false);
    expect(await forward(answer(1))).toBe(false);
    await expectAnswers();
  });

  it('P3 is picked up when its message was lost with the connection', async () => {
    await register(1);
    messages.cut();
    expect(await forward(answer(1))).toBe(true);
    await expectAnswers(answer(1));
  });

  it('P3 is picked up when its message was lost without a sign', async () => {
    await register(1);
    messages.mute();
    expect(await forward(answer(1))).toBe(true);
    await expectAnswers(answer(1));
  });

  it.each([
    ['before the request', 'cutRequest'],
    ['before the reply', 'cutReply'],
  ] as const)('P3 is handed over once when the connection breaks %s', async (_, cut) => {
    const registering = commands[cut](REGISTER_REQUEST.sha1);
    await register(1);
    await registering;
    const forwarding = commands[cut](CLAIM_REQUEST.sha1);
    await forward(answer(1));
    await forwarding;
    await expectAnswers(answer(1));
    expect(await forward(answer(1, 'again'))).toBe(false);
  });

  it('P3 to an instance that has died is handed to nobody, and leaves nothing behind for ever', async () => {
    const mortal = await ManagerProcess.start({ url: server.url, heartbeatInterval: 0.3 });
    cleanUpLater(() => mortal.kill());
    await mortal.call('register', 1, sessionId);
    await mortal.kill();
    await forward(answer(1));
    expect(await forward(answer(1))).toBe(false);
    await expectAnswers();
    const lifetime = await server.command('pttl', `mcp:stream:session:{${sessionId}}:requests`);
    expect(lifetime).toBeGreaterThan(0);
    expect(lifetime).toBeLessThanOrEqual(300_000);
  });
});
