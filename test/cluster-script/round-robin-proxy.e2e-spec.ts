import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { SERVED_BY, startRoundRobinProxy } from '../../scripts/round-robin-proxy.mjs';
import { cleanUpLater } from '../support/clean-up.js';
import { within } from '../support/eventually.js';

/** @returns the origin of a server that answers with `listener` */
async function instance(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUpLater(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function proxyFor(targets: string[]): Promise<string> {
  const proxy = await startRoundRobinProxy(targets);
  cleanUpLater(() => proxy.close());
  return proxy.origin;
}

async function unusedOrigin(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

test('sends each request to the next instance, also on one connection, and says which answered', async () => {
  const targets = await Promise.all(
    [1, 2, 3].map((name) => instance((_, response) => response.end(`${name}`))),
  );
  const origin = await proxyFor(targets);

  const answers: string[] = [];
  const servedBy: (string | null)[] = [];
  for (let count = 0; count < 6; count += 1) {
    const response = await fetch(origin);
    servedBy.push(response.headers.get(SERVED_BY));
    answers.push(await response.text());
  }

  expect(answers).toEqual(['1', '2', '3', '1', '2', '3']);
  expect(servedBy).toEqual([...targets, ...targets]);
});

test('passes method, path, headers and body on, and says for whom', async () => {
  const origin = await proxyFor([
    await instance((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { authorization, host, 'x-forwarded-for': client } = request.headers;
        response.writeHead(418, { 'mcp-session-id': 'abc' });
        response.end(JSON.stringify([request.method, request.url, authorization, host, client, body]));
      });
    }),
  ]);

  const response = await fetch(`${origin}/mcp?a=1`, {
    method: 'POST',
    headers: { authorization: 'Bearer token' },
    body: 'hello',
  });

  expect([response.status, response.headers.get('mcp-session-id')]).toEqual([418, 'abc']);
  expect(await response.json()).toEqual([
    'POST',
    '/mcp?a=1',
    'Bearer token',
    new URL(origin).host,
    '127.0.0.1',
    'hello',
  ]);
});

test('passes headers and events of a stream on at once, and keeps it open', async () => {
  let finish = () => {};
  const origin = await proxyFor([
    await instance((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      finish = () => response.write('data: 1\n\n');
    }),
  ]);

  const response = await within('headers', fetch(origin));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  finish();

  expect((await within('the event', reader.read())).value).toBe('data: 1\n\n');
  finish();
  expect((await within('another event', reader.read())).value).toBe('data: 1\n\n');
  await reader.cancel();
});

test('tells the instance when the client hangs up, before and during the answer', async () => {
  const hungUp: (() => void)[] = [];
  const closed = ['/silent', '/streaming'].map(() => new Promise<void>((resolve) => hungUp.push(resolve)));
  const arrived: (() => void)[] = [];
  const silentArrived = new Promise<void>((resolve) => arrived.push(resolve));
  const origin = await proxyFor([
    await instance((request, response) => {
      const silent = request.url === '/silent';
      response.on('close', hungUp[silent ? 0 : 1]!);
      if (silent) arrived[0]!();
      else response.writeHead(200).flushHeaders();
    }),
  ]);

  const silent = new AbortController();
  const waiting = fetch(`${origin}/silent`, { signal: silent.signal }).catch(() => undefined);
  await within('the request', silentArrived);
  silent.abort();
  await within('the hang-up before the answer', closed[0]!);
  await waiting;

  const streaming = new AbortController();
  await fetch(`${origin}/streaming`, { signal: streaming.signal });
  streaming.abort();
  await within('the hang-up during the answer', closed[1]!);
});

test('breaks the connection of the client when an instance breaks off its answer', async () => {
  const origin = await proxyFor([
    await instance((_, response) => {
      response.writeHead(200).write('half');
      setTimeout(() => response.destroy(), 20);
    }),
  ]);

  const response = await fetch(origin);

  await expect(within('the end', response.text())).rejects.toThrow('terminated');
});

test('skips an instance that does not listen, with the body whole', async () => {
  const listening = await instance((request, response) => request.pipe(response));
  const origin = await proxyFor([await unusedOrigin(), listening]);
  const body = 'x'.repeat(300_000);

  const response = await fetch(origin, { method: 'POST', body });

  expect(await response.text()).toBe(body);
  expect(response.headers.get(SERVED_BY)).toBe(listening);
});

test('never sends a request twice: an instance that dies with it gives 502', async () => {
  let other = 0;
  const origin = await proxyFor([
    await instance((request) => request.socket.destroy()),
    await instance((_, response) => {
      other += 1;
      response.end();
    }),
  ]);

  const response = await fetch(origin, { method: 'POST', body: 'once' });

  expect(response.status).toBe(502);
  expect(other).toBe(0);
});

test('answers 502 when no instance listens', async () => {
  const origin = await proxyFor([await unusedOrigin(), await unusedOrigin()]);

  expect((await fetch(origin)).status).toBe(502);
});

test('sends requests to the instances that are listed now', async () => {
  const targets = [await instance((_, response) => response.end('old'))];
  const origin = await proxyFor(targets);
  await (await fetch(origin)).text();

  targets[0] = await instance((_, response) => response.end('new'));

  expect(await (await fetch(origin)).text()).toBe('new');
});
