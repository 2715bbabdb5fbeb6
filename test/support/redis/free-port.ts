import { createServer, type Server } from 'node:net';

/** What a node of a Cluster adds to its port for the connections between nodes. */
const CLUSTER_BUS_OFFSET = 10_000;

/** A port nobody listens on; for a node of a Cluster, with the one of its bus free as well. */
export async function freePort({ forCluster = false } = {}): Promise<number> {
  for (;;) {
    // Below the range from which the system gives ports to clients, which could take one before the server does.
    const port = 12_000 + Math.floor(Math.random() * 10_000);
    const ports = forCluster ? [port, port + CLUSTER_BUS_OFFSET] : [port];
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await closed(server);
  return free;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
