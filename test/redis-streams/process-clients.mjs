// The clients of a stream manager in a process of its own, by the names that `redis-clients.ts` has for them.
import { Cluster, Redis } from 'ioredis';
import { Redis as Valkey } from 'iovalkey';
import { createClient, createCluster } from 'redis';
import { clientFromUrl } from '../../libs/mcp-sessions/dist/redis/client-from-url.js';

const standalone = {
  'a client made from a URL': (url, commandTimeoutMs) => clientFromUrl(url, { commandTimeoutMs }),
  iovalkey: (url) => new Valkey(url),
  'node-redis 6': (url) =>
    createClient({ url })
      .on('error', () => undefined)
      .connect(),
};

const clusters = {
  'ioredis 6': (nodes) => new Cluster(nodes),
  'node-redis 6': (nodes) =>
    createCluster({ rootNodes: nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` })) })
      .on('error', () => undefined)
      .connect(),
};

/** A client of one server, of a Cluster or of what a Sentinel names. */
export async function makeClient({ url, sentinel, cluster, client: kind, commandTimeoutMs }) {
  let client;
  if (sentinel) client = new Redis({ ...sentinel, maxRetriesPerRequest: 1 });
  else if (cluster) client = await clusters[kind](cluster);
  else client = await standalone[kind ?? 'a client made from a URL'](url, commandTimeoutMs);
  client.on('error', () => undefined); // what is asked of it rejects with that
  return client;
}
