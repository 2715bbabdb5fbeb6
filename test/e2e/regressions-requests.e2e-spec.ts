import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { McpSessionsModuleExtras, McpSessionsOptions } from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { ACCEPT_BOTH, callRequest, initializeRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

const echo = (text = 'x') => callRequest(1, 'echo', { text });
const started = (options: McpSessionsOptions & McpSessionsModuleExtras = {}) =>
  startApp({ server: createScenario('v2').factory, ...options });

/** Sends what no client library would. `received` grows with the answer. */
function rawSocket(port: number) {
  const socket = connect(port, '127.0.0.1');
  cleanUpLater(() => socket.destroy());
  const state = { received: '', over: false, socket };
  socket.on('error', () => undefined).on('close', () => (state.over = true));
  socket.on('data', (chunk) => (state.received += chunk.toString()));
  return state;
}

const head = (requestLine: string, ...headers: string[]) =>
  [requestLine, `Accept: ${ACCEPT_BOTH}`, 'Content-Type: application/json', ...headers, '', ''].join('\r\n');

describe('a Host header', () => {
  const statusFor = (port: number, host: string) =>
    new Promise<number>((resolve, reject) => {
      const headers = { host, accept: 'text/event-stream' };
      const request = httpRequest({ port, host: '127.0.0.1', path: '/mcp', headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      request.on('error', reject).end();
    });

  it.each([
    'u:p@localhost',
    'u@localhost',
    'evil.example@127.0.0.1',
    '@localhost',
    'localhost/x',
    'localhost?x',
    'localhost#x',
  ])('%s names no host of ours', async (host) => {
    const { port } = await started();
    expect(await statusFor(port, host)).toBe(403);
  });

  it.each(['localhost', 'localhost:1234', '127.0.0.1:80', '[::1]', '[::1]:8080', 'LOCALHOST'])(
    '%s does',
    async (host) => {
      const { port } = await started();
      expect(await statusFor(port, host)).toBe(400); // For want of a session.
    },
  );
});

describe('a body', () => {
  it('that is too large is refused although its upload goes on', async () => {
    const { port } = await started({ maxBodyBytes: 1_000 });
    const connection = rawSocket(port);
    connection.socket.write(head('POST /mcp HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: chunked'));
    const chunk = `258\r\n${'x'.repeat(0x258)}\r\n`;
    const timer = setInterval(() => connection.socket.writable && connection.socket.write(chunk), 20);
    cleanUpLater(() => clearInterval(timer));
    await eventually('the answer', () => connection.received.includes('"jsonrpc"') || connection.over);
    expect(connection.received).toMatch(/^HTTP\/1\.1 413 /);
    expect(connection.received).toContain('"code":-32000');
    await eventually('the end of the connection', () => connection.over);
  });

  it('that is too large and stops halfway is refused', async () => {
    const { port } = await started({ maxBodyBytes: 1_000 });
    const connection = rawSocket(port);
    connection.socket.write(head('POST /mcp HTTP/1.1', 'Host: localhost', 'Content-Length: 100000'));
    connection.socket.write('x'.repeat(5_000));
    await eventually('the answer', () => connection.received.includes('"jsonrpc"') || connection.over);
    expect(connection.received).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('may say that it is not encoded, in any case, and must not be encoded', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const encoding of ['Identity', 'identity', 'IDENTITY']) {
      expect((await client.ask(echo(), { 'content-encoding': encoding })).result).toBeDefined();
    }
    const body = gzipSync(JSON.stringify(echo()));
    const headers = { 'content-encoding': 'gzip', accept: ACCEPT_BOTH, 'content-type': 'application/json' };
    const gzipped = fetch(url, {
      method: 'POST',
      body,
      headers: { ...headers, 'mcp-session-id': client.sessionId! },
    });
    expect(await refusal(gzipped)).toMatchObject({ status: 415, code: -32000 });
    const unframed = client.post(echo(), { 'content-encoding': 'GZIP' });
    expect(await refusal(unframed)).toMatchObject({ status: 415, code: -32000 });
  });

  it('is ours to read below a path that ends in a slash', async () => {
    const { origin } = await started({ path: '/mcp/' });
    const stream = await new RawClient(`${origin}/mcp/sse`).listen();
    const messages = new RawClient(origin + (await stream.next())!.data!);
    expect(await refusal(messages.post('{"a":'))).toMatchObject({ status: 400, code: -32700 });
    expect((await messages.post(initializeRequest('2024-11-05'))).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 0, result: {} });
    const text = 'x'.repeat(1024 * 1024);
    expect((await messages.post(echo(text))).status).toBe(202);
    expect((await stream.nextMessage())!.result.content[0].text).toBe(text);
    for (const path of ['/mcp', '/mcp/']) {
      expect(await refusal(new RawClient(origin + path).post('{"a":'))).toMatchObject({ code: -32700 });
    }
  });

  it.each(['http://127.0.0.1:PORT/mcp', 'http://127.0.0.1:PORT/mcp?x=1', 'http://127.0.0.1:PORT/mcp/'])(
    'is ours to read when the request names the whole address, %s',
    async (target) => {
      const { port } = await started();
      const connection = rawSocket(port);
      const line = `POST ${target.replace('PORT', String(port))} HTTP/1.1`;
      const headers = [`Host: 127.0.0.1:${port}`, 'Content-Length: 5', 'Connection: close'];
      connection.socket.write(`${head(line, ...headers)}{"a":`);
      await eventually('the answer', () => connection.over);
      expect(connection.received).toMatch(/^HTTP\/1\.1 400 /);
      expect(connection.received).toContain('"code":-32700');
    },
  );
});

describe('a message', () => {
  it('is accepted from a client that names a charset', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const accept of [
      'application/json, text/event-stream; charset=utf-8',
      'application/json;charset=UTF-8, text/event-stream;q=0.5;charset=utf-8',
    ]) {
      expect((await client.ask(echo(), { accept })).result).toBeDefined();
    }
    const main = await client.listen(undefined, { accept: 'text/event-stream; charset=utf-8' });
    expect(main.response.status).toBe(200);
    for (const accept of ['application/json, text/event-stream;q=0', 'application/json;charset=utf-8']) {
      expect((await refusal(client.post(echo(), { accept }))).status).toBe(406);
    }
  });

  it('that is an error of the client without an id is taken note of', async () => {
    const { url, origin } = await started();
    const failure = { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' } };
    const client = await RawClient.open(url);
    expect((await client.post(failure)).status).toBe(202);
    expect((await client.ask(echo())).result).toBeDefined();
    const stream = await new RawClient(`${url}/sse`).listen();
    const messages = new RawClient(origin + (await stream.next())!.data!);
    expect((await messages.post(initializeRequest('2024-11-05'))).status).toBe(202);
    expect((await messages.post(failure)).status).toBe(202);
    for (const malformed of [
      { jsonrpc: '2.0' },
      { jsonrpc: '2.0', error: {} },
      { jsonrpc: '2.0', result: {} },
    ]) {
      expect(await refusal(client.post(malformed))).toMatchObject({ status: 400, code: -32600 });
    }
  });
});
