import { afterAll } from '@jest/globals';
import type { StreamManagerContractOptions } from 'nestjs-mcp-sessions/testing';
import type { RedisClient } from '../../libs/mcp-sessions/src/redis/redis-client.interface.js';
import { RedisStreamManager } from '../../libs/mcp-sessions/src/streams/redis-stream-manager.js';
import type {
  ReplayOptions,
  StreamManager,
} from '../../libs/mcp-sessions/src/streams/stream-manager.interface.js';
import { closeClient } from '../support/redis/redis-clients.js';

let cases = 0;

/** What the suite of stream managers needs: each case has a prefix of its own, and all share two clients. */
export function contractManagers(
  makeClient: () => RedisClient | Promise<RedisClient>,
): Pick<StreamManagerContractOptions, 'create' | 'createPeer'> {
  const clients: RedisClient[] = [];
  const configs = new Map<StreamManager, { prefix: string; replay?: ReplayOptions }>();
  afterAll(() => clients.forEach(closeClient));

  const make = async (config: { prefix: string; replay?: ReplayOptions }): Promise<StreamManager> => {
    while (clients.length < 4) clients.push(await makeClient());
    const isPeer = [...configs.values()].some(({ prefix }) => prefix === config.prefix);
    const [client, pubSubClient] = isPeer ? clients.slice(2) : clients;
    const manager = new RedisStreamManager({
      ...config,
      client: client!,
      pubSubClient: pubSubClient!,
      heartbeatInterval: 1,
    });
    configs.set(manager, config);
    return manager;
  };
  return {
    create: (replay) => make({ prefix: `contract-${(cases += 1)}:`, replay }),
    createPeer: (manager) => make(configs.get(manager)!),
  };
}
