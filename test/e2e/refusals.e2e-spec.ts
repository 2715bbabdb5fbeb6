import { request as httpRequest } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { callRequest, initializeRequest, INITIALIZED, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

async function started(options: Partial<Parameters<typeof startApp>[0]> = {}) {
  return startApp({ server: createScenario('v2').factory, ...options });
}

const echo = (id: string | number = 1) => callRequest(id, 'echo', { text: 'hello' });

/** `fetch` sets `Host` by itself. */
function statusWithHost(
  port: number,
  host: string,
  path = '/mcp',
  method = 'GET',
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path, method, headers: { host, accept: 'text/event-stream' } };
    const request = httpRequest(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve([response.statusCode!, body]));
    });
    request.on('error', reject).end();
  });
}

describe('Origin', () => {
  it.each([
    'https://evil.example',
    'http://evil.example:80',
    'null',
    'not an origin',
    'http://localhost.evil.example',
  ])('%s is refused, whatever the request', async (origin) => {
    const { url } = await started();
    const client = await RawClient.open(url);
    const newcomer = new RawClient(url);
    for (const response of [
      newcomer.post(initializeRequest(), { origin }),
      client.post(echo(), { origin }),
      client.get({ origin }),
      client.delete({ origin }),
      new RawClient(`${url}/sse`).get({ origin }),
      new RawClient(`${url}/messages?sessionId=x`).post(echo(), { origin }),
    ]) {
      expect(await refusal(response)).toMatchObject({ status: 403, code: -32000 });
    }
    expect((await client.ask(echo())).result).toBeDefined();
  });

  it.each(['http://localhost', 'https://localhost:8443', 'http://127.0.0.1:3000', 'http://[::1]:3000'])(
    '%s is this machine, and allowed',
    async (origin) => {
      const { url } = await started();
      expect((await new RawClient(url).post(initializeRequest(), { origin })).status).toBe(200);
    },
  );

  it('is allowed by option, exactly', async () => {
    const { url } = await started({ allowedOrigins: ['https://app.example.com'] });
    const from = async (origin: string) =>
      (await new RawClient(url).post(initializeRequest(), { origin })).status;
    expect(await from('https://app.example.com')).toBe(200);
    expect(await from('http://app.example.com')).toBe(403);
    expect(await from('https://app.example.com:8443')).toBe(403);
    expect(await from('https://other.example.com')).toBe(403);
  });

  it('is not asked for with *', async () => {
    const { url } = await started({ allowedOrigins: ['*'] });
    for (const origin of ['https://evil.example', 'null']) {
      expect((await new RawClient(url).post(initializeRequest(), { origin })).status).toBe(200);
    }
  });
});

describe('Host', () => {
  it('of somebody else is refused', async () => {
    const { port } = await started();
    for (const path of ['/mcp', '/mcp/sse']) {
      const [status, body] = await statusWithHost(port, 'evil.example', path);
      expect(status).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32000 } });
    }
    expect((await statusWithHost(port, 'localhost.evil.example'))[0]).toBe(403);
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1', '[::1]:80']) {
      expect((await statusWithHost(port, host))[0]).toBe(400); // Let in, and told that the session is missing.
    }
  });

  it('is allowed by option', async () => {
    const { port } = await started({ allowedHosts: ['mcp.example.com'] });
    expect((await statusWithHost(port, 'mcp.example.com:8080'))[0]).toBe(400);
    expect((await statusWithHost(port, 'MCP.example.com'))[0]).toBe(400);
    expect((await statusWithHost(port, 'example.com'))[0]).toBe(403);
    const all = await started({ allowedHosts: ['*'] });
    expect((await statusWithHost(all.port, 'anything.example'))[0]).toBe(400);
  });
});

describe('MCP-Protocol-Version', () => {
  it('must be one that the endpoint speaks, and may be absent', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const version of ['1999-01-01', '2026-07-28', 'x']) {
      const headers = { 'mcp-protocol-version': version };
      const refusals = [client.post(echo(), headers), client.get(headers), client.delete(headers)];
      for (const response of refusals) {
        expect(await refusal(response)).toMatchObject({ status: 400, code: -32000 });
      }
    }
    for (const version of [undefined, '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
      const answer = await client.ask(echo(), { 'mcp-protocol-version': version });
      expect(answer.result.content[0].text).toBe('hello');
    }
  });

  it('of a revision without sessions is answered so that its clients fall back', async () => {
    const { url } = await started();
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'modern', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const discover = { jsonrpc: '2.0', id: 0, method: 'server/discover', params: { _meta } };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' };
    const answer = await refusal(new RawClient(url).post(discover, headers));
    expect(answer).toMatchObject({ status: 400, code: -32000 });
    expect(answer.headers.get('mcp-session-id')).toBeNull();
  });
});

describe('the body', () => {
  it('must be JSON', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const body of ['{', '', 'nonsense', '{"jsonrpc":"2.0",}']) {
      expect(await refusal(client.post(body))).toMatchObject({ status: 400, code: -32700 });
    }
    expect((await client.post('[1,')).headers.get('content-type')).toMatch(/^application\/json/);
  });

  it('must be declared as JSON', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const type of [
      'application/jsonp',
      'text/plain',
      'application/json-rpc',
      'application/jsonx; x=application/json',
      'x',
    ]) {
      const response = client.post(echo(), { 'content-type': type });
      expect(await refusal(response)).toMatchObject({ status: 415, code: -32000 });
    }
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON',
      'application/json;charset="UTF-8"',
    ]) {
      expect((await client.ask(echo(), { 'content-type': type })).result).toBeDefined();
    }
    const blob = new Blob([JSON.stringify(echo())]);
    const untyped = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json, text/event-stream', 'mcp-session-id': client.sessionId! },
      body: blob,
    });
    expect(untyped.status).toBe(415);
  });

  it('may be larger than what the application parses, up to the limit', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    const text = 'x'.repeat(1024 * 1024);
    const answer = await client.ask(callRequest(1, 'echo', { text }));
    expect(answer.result.content[0].text).toHaveLength(text.length);
    const limit = 4 * 1024 * 1024;
    const fits = JSON.stringify(callRequest(2, 'steps', { count: 0, padding: '' }));
    const padded = fits.replace('"padding":""', `"padding":"${'x'.repeat(limit - fits.length)}"`);
    expect(padded).toHaveLength(limit);
    expect((await client.post(padded)).status).toBe(200);
    expect(await refusal(client.post(`${padded} `))).toMatchObject({ status: 413, code: -32000 });
    expect((await client.ask(echo())).result).toBeDefined();
  });

  it('is limited by option, also when its length is not declared', async () => {
    const { url } = await started({ maxBodyBytes: 1000 });
    const client = await RawClient.open(url);
    const chunks = Array.from({ length: 20 }, () => new TextEncoder().encode('x'.repeat(100)));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    const response = fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-session-id': client.sessionId!,
      },
      body: stream,
      duplex: 'half',
    } as RequestInit);
    expect(await refusal(response)).toMatchObject({ status: 413, code: -32000 });
  });

  it.each<[string, unknown]>([
    ['an empty batch', []],
    ['an empty object', {}],
    ['a number', 1],
    ['null', null],
    ['another protocol', { id: 1, method: 'ping' }],
    ['an id null', { jsonrpc: '2.0', id: null, method: 'ping' }],
    ['an id that is no integer', { jsonrpc: '2.0', id: 1.5, method: 'ping' }],
    ['an id that is an object', { jsonrpc: '2.0', id: {}, method: 'ping' }],
    ['params that are an array', { jsonrpc: '2.0', id: 1, method: 'ping', params: [] }],
    ['a method that is no text', { jsonrpc: '2.0', id: 1, method: 1 }],
    ['a response without an id', { jsonrpc: '2.0', result: {} }],
    ['a response with neither result nor error', { jsonrpc: '2.0', id: 1 }],
    ['a response with both', { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: 'x' } }],
    ['a batch where there are none', [{ jsonrpc: '2.0', id: 1, method: 'ping' }]],
    ['a batch with something else in it', [{ jsonrpc: '2.0', id: 1, method: 'ping' }, 1]],
  ])('must not be %s', async (_, body) => {
    const { url, logger } = await started();
    const client = await RawClient.open(url);
    expect(await refusal(client.post(body))).toMatchObject({ status: 400, code: -32600 });
    expect((await client.ask(echo())).result).toBeDefined();
    expect(logger.errors).toEqual([]);
  });
});

describe('Accept', () => {
  it('must offer both types to a POST, and a stream to a GET', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const accept of [
      'application/json',
      'text/event-stream',
      'text/html',
      'application/json, text/event-stream;q=0',
    ]) {
      expect(await refusal(client.post(echo(), { accept }))).toMatchObject({ status: 406, code: -32000 });
    }
    for (const accept of ['application/json', 'text/html']) {
      expect(await refusal(client.get({ accept }))).toMatchObject({ status: 406, code: -32000 });
    }
    for (const accept of [
      '*/*',
      'text/*, application/*',
      'TEXT/event-stream;q=0.1, application/json;q=0.9',
    ]) {
      expect((await client.ask(echo(), { accept })).result).toBeDefined();
    }
  });
});

describe('Mcp-Session-Id', () => {
  it('must be there, but for initialize', async () => {
    const { url } = await started();
    const client = new RawClient(url);
    for (const response of [client.post(echo()), client.post(INITIALIZED), client.get(), client.delete()]) {
      expect(await refusal(response)).toMatchObject({ status: 400, code: -32000 });
    }
  });

  it('must be known', async () => {
    const { url } = await started();
    for (const id of ['unknown', '__proto__', '*', '../x', 'a'.repeat(5_000)]) {
      const client = new RawClient(url, { 'mcp-session-id': id });
      for (const response of [
        client.post(echo()),
        client.post(INITIALIZED),
        client.post(initializeRequest()),
        client.get(),
        client.delete(),
      ]) {
        expect(await refusal(response)).toMatchObject({ status: 404, code: -32001 });
      }
    }
  });

  it('must not be of an initialized session in initialize', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    expect(await refusal(client.post(initializeRequest()))).toMatchObject({ status: 400, code: -32600 });
    expect((await client.ask(echo())).result).toBeDefined();
  });

  it('is unguessable and visible ASCII, and only given by initialize', async () => {
    const { url } = await started();
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(url)));
    const ids = clients.map(({ sessionId }) => sessionId!);
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{20,}$/);
    expect((await clients[0]!.post(echo())).headers.get('mcp-session-id')).toBeNull();
  });
});

describe('other methods', () => {
  it.each([
    ['/mcp', ['PUT', 'PATCH', 'HEAD', 'OPTIONS'], 'GET, POST, DELETE'],
    ['/mcp/sse', ['PUT', 'PATCH', 'HEAD', 'DELETE', 'POST'], 'GET'],
    ['/mcp/messages', ['PUT', 'PATCH', 'HEAD', 'DELETE', 'GET'], 'POST'],
  ])('are not allowed on %s', async (path, methods, allow) => {
    const { origin } = await started();
    for (const method of methods) {
      const response = await fetch(origin + path, { method });
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, allow]);
    }
  });
});

describe('a notification or an answer', () => {
  it('is answered 202 without a body', async () => {
    const { url } = await started();
    const client = await RawClient.open(url);
    for (const message of [
      INITIALIZED,
      { jsonrpc: '2.0', method: 'notifications/unheard/of' },
      { jsonrpc: '2.0', id: 'nobody asked', result: {} },
      { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } },
    ]) {
      const response = await client.post(message);
      expect(response.status).toBe(202);
      expect(await response.text()).toBe('');
    }
  });
});
