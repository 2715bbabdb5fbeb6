import { cleanUpLater } from './clean-up.js';
import { SseReader, type RpcMessage } from './sse-reader.js';

export const ACCEPT_BOTH = 'application/json, text/event-stream';
export const LATEST = '2025-11-25';

type Headers = Record<string, string | undefined>;

export function initializeRequest(
  protocolVersion = LATEST,
  capabilities: object = {},
  id: string | number = 0,
) {
  const clientInfo = { name: 'raw', version: '1.0.0' };
  return {
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion, capabilities, clientInfo },
  };
}

export const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

export function callRequest(id: string | number, name: string, args: object = {}, meta?: object) {
  const params = { name, arguments: args, ...(meta && { _meta: meta }) };
  return { jsonrpc: '2.0', id, method: 'tools/call', params };
}

/** Speaks Streamable HTTP by hand, so that a test sees every status, header and event. */
export class RawClient {
  sessionId: string | undefined;

  constructor(
    readonly url: string,
    private readonly headers: Headers = {},
  ) {}

  /** Opens a session and confirms it. */
  static async open(
    url: string,
    {
      version = LATEST,
      capabilities = {},
      headers = {},
    }: { version?: string; capabilities?: object; headers?: Headers } = {},
  ): Promise<RawClient> {
    const client = new RawClient(url, headers);
    const response = await client.post(initializeRequest(version, capabilities));
    client.sessionId = response.headers.get('mcp-session-id') ?? undefined;
    const body = await response.text();
    if (!client.sessionId) throw new Error(`No session: ${response.status} ${body}`);
    await expectStatus(202, client.post(INITIALIZED));
    return client;
  }

  /** The same session, at another address. */
  at(url: string): RawClient {
    const client = new RawClient(url, this.headers);
    client.sessionId = this.sessionId;
    return client;
  }

  /** POSTs a message, or a body as it is if it is text. */
  post(message: unknown, headers: Headers = {}, init: RequestInit = {}): Promise<Response> {
    const body = typeof message === 'string' ? message : JSON.stringify(message);
    return this.send(
      'POST',
      { accept: ACCEPT_BOTH, 'content-type': 'application/json', ...headers },
      { ...init, body },
    );
  }

  get(headers: Headers = {}, init: RequestInit = {}): Promise<Response> {
    return this.send('GET', { accept: 'text/event-stream', ...headers }, init);
  }

  delete(headers: Headers = {}): Promise<Response> {
    return this.send('DELETE', headers, {});
  }

  /** POSTs a request and reads the stream of its answer. */
  async stream(message: unknown, headers: Headers = {}): Promise<SseReader> {
    return this.read((init) => this.post(message, headers, init));
  }

  /** Opens the session's main stream, or resumes any stream behind an event. */
  async listen(lastEventId?: string, headers: Headers = {}): Promise<SseReader> {
    return this.read((init) => this.get({ 'last-event-id': lastEventId, ...headers }, init));
  }

  /** POSTs a request and waits for its answer. */
  async ask(message: { id: string | number }, headers: Headers = {}): Promise<RpcMessage> {
    const messages = await (await this.stream(message, headers)).rest();
    const answer = messages.find((other) => other.id === message.id && other.method === undefined);
    if (!answer) throw new Error(`No answer among ${JSON.stringify(messages)}`);
    return answer;
  }

  private async read(send: (init: RequestInit) => Promise<Response>): Promise<SseReader> {
    const controller = new AbortController();
    const response = await send({ signal: controller.signal });
    const type = response.headers.get('content-type');
    if (response.status !== 200 || type !== 'text/event-stream') {
      throw new Error(`Not a stream: ${response.status} ${type} ${await response.text()}`);
    }
    const reader = new SseReader(response, controller);
    cleanUpLater(() => reader.close());
    return reader;
  }

  private send(method: string, headers: Headers, init: RequestInit): Promise<Response> {
    const all: Headers = { 'mcp-session-id': this.sessionId, ...this.headers, ...headers };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return fetch(this.url, { ...init, method, headers: given });
  }
}

/** What an error answer says, in one value. */
export async function refusal(response: Response | Promise<Response>) {
  const { status, headers, ...rest } = await response;
  const text = await (await response).text();
  const { error } = (text === '' ? {} : JSON.parse(text)) as { error?: { code: number; message: string } };
  return { status, code: error?.code, message: error?.message, headers, ...rest };
}

export async function expectStatus(status: number, response: Promise<Response>): Promise<Response> {
  const answered = await response;
  if (answered.status !== status) throw new Error(`${answered.status}: ${await answered.text()}`);
  return answered;
}
