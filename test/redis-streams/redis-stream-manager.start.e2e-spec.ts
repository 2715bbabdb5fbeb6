import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, createCluster } from 'redis';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { RedisStreamManager } from '../../libs/mcp-sessions/src/streams/redis-stream-manager.js';
import { cleanUpLater } from '../support/clean-up.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { eventually } from '../support/eventually.js';
import { closeClient, STANDALONE_CLIENTS } from '../support/redis/redis-clients.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';
import { ManagerProcess } from './manager-process.js';

const CLIENTS = Object.entries(STANDALONE_CLIENTS);

let server: RedisServer;
let other: RedisServer;
beforeAll(async () => {
  [server, other] = await Promise.all([RedisServer.start(), RedisServer.start()]);
}, 30_000);
afterAll(() => Promise.all([server.dispose(), other.dispose()]));

async function connectedTo({ port }: RedisServer, makeClient = STANDALONE_CLIENTS['node-redis 6']!) {
  const client = await makeClient({ host: '127.0.0.1', port });
  cleanUpLater(() => closeClient(client));
  return client;
}

describe('A client of node-redis that nobody has connected is refused at once, with what to do,', () => {
  const unconnected = (): RedisClient => createClient({ url: server.url });

  it('as `pubSubClient`', async () => {
    const stream = { type: 'redis', client: await connectedTo(server), pubSubClient: unconnected() } as const;
    const started = startApp({ server: createScenario('v2').factory, stream });
    const { code, message } = await started.then(
      () => ({}) as never,
      (error) => error,
    );
    expect(code).toBe('INVALID_CONFIGURATION');
    expect(message).toMatch(/`pubSubClient` is not connected\. Call `await pubSubClient\.connect\(\)`/);
  });

  it('as both', async () => {
    const stream = { type: 'redis', client: unconnected(), pubSubClient: unconnected() } as const;
    const started = startApp({ server: createScenario('v2').factory, stream });
    const { code, message } = await started.then(
      () => ({}) as never,
      (error) => error,
    );
    expect(code).toBe('INVALID_CONFIGURATION');
    expect(message).toMatch(/`client` is not connected\. Call `await client\.connect\(\)`/);
  });

  it('of a Cluster', async () => {
    const cluster = (): RedisClient => createCluster({ rootNodes: [{ url: server.url }] });
    const manager = new RedisStreamManager({ client: cluster(), pubSubClient: cluster() });
    await expect(manager.start()).rejects.toThrow(/`client` is not connected/);
  });

  it('and taken once it is connected', async () => {
    const pubSubClient = unconnected();
    cleanUpLater(() => closeClient(pubSubClient));
    const manager = new RedisStreamManager({ client: await connectedTo(server), pubSubClient });
    cleanUpLater(() => manager.close());
    await expect(manager.has('session')).rejects.toMatchObject({ code: 'INVALID_CONFIGURATION' });
    await pubSubClient.connect();
    expect(await manager.has('session')).toBe(false);
  });
});

describe('A `pubSubClient` on another Redis than `client`', () => {
  it.each(CLIENTS)('is refused: %s', async (_, makeClient) => {
    const client = await connectedTo(server, makeClient);
    const pubSubClient = await connectedTo(other, makeClient);
    const manager = new RedisStreamManager({ client, pubSubClient, commandTimeoutMs: 1_000 });
    cleanUpLater(() => manager.close());
    const refusal = {
      code: 'INVALID_CONFIGURATION',
      message: expect.stringMatching(/`pubSubClient` does not hear what `client` publishes.*the same Redis/),
    };
    await expect(manager.start()).rejects.toMatchObject(refusal);
  });
});

describe('A subscription that goes quiet', () => {
  it('is said once, until messages come through again', async () => {
    const messages = await CuttingProxy.before(server.port);
    const manager = await ManagerProcess.start({
      url: server.url,
      pubSubUrl: messages.origin.replace('http', 'redis'),
      heartbeatInterval: 0.5,
    });
    cleanUpLater(() => manager.kill());
    const quietLines = (): number => manager.output.split('has gone quiet').length - 1;
    for (let count = 1; count <= 2; count += 1) {
      messages.targetPort = other.port;
      messages.cut();
      await eventually('the line', () => quietLines() === count);
      // It is looked for again with each heartbeat, by a subscription on a new connection.
      const { accepted } = messages;
      await eventually('further attempts', () => messages.accepted > accepted + 1);
      expect(quietLines()).toBe(count);
      messages.targetPort = server.port;
      messages.cut();
      await eventually('messages to come through', async () => {
        const before = messages.accepted;
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return messages.accepted === before;
      });
    }
  });
});
