import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { CallToolResult, ElicitResult } from '@modelcontextprotocol/client';
import type { INestApplication } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../../src/app.module.js';

/** A notebook in this process, and the clients that a test connected to it. */
export class Notebook {
  private readonly clients: Client[] = [];

  private constructor(
    readonly app: INestApplication,
    readonly url: string,
  ) {}

  /** Starts the reference server on a free port, with these environment variables and none of the process. */
  static async start(environment: Record<string, string> = {}): Promise<Notebook> {
    const config = new ConfigService({ MCP_SESSIONS_STORE: 'memory', ...environment });
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(ConfigService)
      .useValue(config)
      .compile();
    const app = module.createNestApplication({ forceCloseConnections: true, logger: ['error', 'warn'] });
    await app.listen(0, '127.0.0.1');
    return new Notebook(app, await app.getUrl());
  }

  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = await connect(this.url, options);
    this.clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.app.close();
  }
}

export interface ConnectOptions {
  /** Default `streamable-http`. */
  transport?: 'streamable-http' | 'sse';
  token?: string;
  /** What the user answers when asked; without it the client cannot ask. */
  answer?: ElicitResult['action'];
}

export async function connect(
  url: string,
  { transport = 'streamable-http', token, answer }: ConnectOptions = {},
): Promise<Client> {
  const capabilities = answer === undefined ? {} : { elicitation: { form: {} } };
  const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities });
  if (answer !== undefined) {
    client.setRequestHandler('elicitation/create', () => ({
      action: answer,
      ...(answer === 'accept' && { content: {} }),
    }));
  }
  const requestInit = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  await client.connect(
    transport === 'sse'
      ? new SSEClientTransport(new URL(`${url}/mcp/sse`), { requestInit })
      : new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }),
  );
  return client;
}

/** The text that a tool answers. */
export function textOf(result: Pick<CallToolResult, 'content'>): string {
  return result.content.map((block) => (block.type === 'text' ? block.text : `[${block.type}]`)).join('\n');
}

/** Adds a note. @returns its id */
export async function addNote(client: Client, title: string, text = 'Some text'): Promise<string> {
  const result = await client.callTool({ name: 'add_note', arguments: { title, text } });
  return /note:\/\/(\S+)/.exec(textOf(result))![1]!;
}

/** Collects the notifications of one method that a client receives. */
export class Received<Params> {
  readonly all: Params[] = [];
  private waiting: (() => void)[] = [];

  add(params: Params): void {
    this.all.push(params);
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** Waits until there are so many. Jest's timeout is the limit. */
  async atLeast(count: number): Promise<Params[]> {
    while (this.all.length < count) await new Promise<void>((wake) => this.waiting.push(wake));
    return this.all;
  }
}

export function receivedUpdates(client: Client): Received<string> {
  const received = new Received<string>();
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => received.add(params.uri));
  return received;
}

export function receivedListChanges(client: Client): Received<true> {
  const received = new Received<true>();
  client.setNotificationHandler('notifications/resources/list_changed', () => received.add(true));
  return received;
}
