import { Redis } from 'ioredis';
import type { McpSessionsModuleExtras, McpSessionsOptions } from 'nestjs-mcp-sessions';
import { cleanUpLater } from './clean-up.js';
import { RawClient } from './raw-client.js';
import { createScenario, type Scenario, type ServerSdk } from './scenario-server.js';
import { startApp, type StartedApp } from './start-app.js';

const INSTANCES = 3;
let clusters = 0;

/** One of several applications on one Redis. */
export interface Instance extends StartedApp {
  scenario: Scenario;
  /** The client's session on this instance. */
  serving: (client: RawClient) => RawClient;
}

/**
 * Starts three instances that share their sessions and streams, under key prefixes of their own.
 *
 * @param createOne makes each instance's scenario
 * @param redisOptions for the store and the stream manager
 */
export async function startCluster(
  redisUrl: string,
  sdk: ServerSdk,
  options: McpSessionsOptions & McpSessionsModuleExtras = {},
  createOne = createScenario,
  redisOptions: { commandTimeoutMs?: number } = {},
): Promise<Instance[]> {
  clusters += 1;
  const prefix = `test-${process.pid}-${clusters}`;
  const start = async (): Promise<Instance> => {
    const clients = Array.from({ length: 2 }, () => new Redis(redisUrl, { maxRetriesPerRequest: 1 }));
    for (const client of clients) client.on('error', () => undefined); // what is asked of it rejects with that
    cleanUpLater(() => clients.forEach((client) => client.disconnect()));
    const [client, pubSubClient] = clients;
    const scenario = createOne(sdk);
    const app = await startApp({
      server: scenario.factory,
      store: { type: 'redis', client, prefix: `${prefix}:session:`, ...redisOptions },
      stream: {
        ...{ type: 'redis', client, pubSubClient, prefix: `${prefix}:stream:`, heartbeatInterval: 1 },
        ...redisOptions,
      },
      ...options,
    });
    return { ...app, scenario, serving: (session) => session.at(app.url) };
  };
  const instances: Instance[] = [];
  for (let index = 0; index < INSTANCES; index += 1) instances.push(await start());
  return instances;
}
