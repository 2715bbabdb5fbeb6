// A load balancer without any affinity: each HTTP request goes to the next instance. For trying things out and for
// tests; in production use a real one (docs/guides/many-instances.md).
import { Agent, createServer, request as sendRequest } from 'node:http';
import { once } from 'node:events';
import { pipeline } from 'node:stream';

/** Unused connections to instances end before the instances end them, which by Node's default is after 5 s. */
const UNUSED_CONNECTION_MS = 2_000;

/** The response header that says which instance answered. */
export const SERVED_BY = 'x-served-by';

/** Headers that are about one connection, and not about the message (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * @param {string[]} targets origins of the instances; read at each request, so the caller may change them
 * @param {{ host?: string, port?: number }} [options] where to listen; default 127.0.0.1, and a free port
 * @returns {Promise<{ origin: string, close(): Promise<void> }>}
 */
export async function startRoundRobinProxy(targets, { host = '127.0.0.1', port = 0 } = {}) {
  const agent = new Agent({ keepAlive: true, timeout: UNUSED_CONNECTION_MS });
  let turn = 0;
  const nextTarget = () => targets[turn++ % targets.length];

  const server = createServer((request, response) => {
    void passOn(request, response, { agent, nextTarget, attempts: targets.length });
  });
  // Streams stay open for as long as both ends like.
  server.requestTimeout = 0;
  server.listen(port, host);
  await once(server, 'listening');

  return {
    origin: `http://${host}:${server.address().port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}

/** Tries the next instance as long as nothing was sent: an instance that does not listen has not seen the request. */
async function passOn(request, response, { agent, nextTarget, attempts }) {
  for (let attempt = 1; attempt <= attempts && !response.destroyed; attempt += 1) {
    const target = nextTarget();
    const upstream = sendRequest(target + request.url, {
      agent,
      method: request.method,
      headers: forwarded(request),
    });
    // A request that is given up before it has a connection ends with an error as well.
    const connected = new Promise((resolve) => {
      upstream.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => resolve(true));
        else resolve(true);
      });
      upstream.on('error', () => resolve(false));
    });
    const abandon = () => upstream.destroy();
    response.once('close', abandon);
    if (await connected) return exchange(request, response, { upstream, target });
    response.off('close', abandon);
  }
  refuse(response);
}

function exchange(request, response, { upstream, target }) {
  upstream.once('response', (answer) => {
    response.writeHead(answer.statusCode, { ...endToEnd(answer.headers), [SERVED_BY]: target });
    response.flushHeaders();
    pipeline(answer, response, (error) => {
      // Breaking the client's connection is how a proxy says that an answer is not whole.
      if (error) response.destroy();
    });
  });
  upstream.once('error', () => refuse(response));
  request.pipe(upstream);
}

function refuse(response) {
  if (response.headersSent) response.destroy();
  else response.writeHead(502, { 'content-type': 'text/plain' }).end('No instance answered.\n');
}

function forwarded(request) {
  return {
    ...endToEnd(request.headers),
    'x-forwarded-for': request.socket.remoteAddress,
    'x-forwarded-host': request.headers.host,
    'x-forwarded-proto': 'http',
  };
}

function endToEnd(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}
