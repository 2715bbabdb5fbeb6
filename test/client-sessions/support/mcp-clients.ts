import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { SessionOAuthProvider } from '../../../libs/mcp-sessions/src/client-sessions/session-oauth-provider.js';
import { cleanUpLater } from '../../support/clean-up.js';

/** A client of an official SDK, as far as these tests use one. */
export interface McpClient {
  connect: () => Promise<void>;
  /** Takes the callback of an authorization. */
  finishAuth: (params: URLSearchParams) => Promise<void>;
  /** Who the server says the user is. */
  whoami: () => Promise<string>;
}

type MakeClient = (url: string, authProvider: SessionOAuthProvider) => McpClient;

/** Clients of both SDKs, whose transports send with their own `fetch` or with that of the provider. */
export const MCP_CLIENTS: Record<string, MakeClient> = {
  '@modelcontextprotocol/sdk (v1)': (url, authProvider) => makeV1(url, { authProvider }),
  '@modelcontextprotocol/client (v2)': (url, authProvider) => makeV2(url, { authProvider }),
  '@modelcontextprotocol/sdk (v1) and its fetch': (url, authProvider) =>
    makeV1(url, { authProvider, fetch: authProvider.fetch }),
  '@modelcontextprotocol/client (v2) and its fetch': (url, authProvider) =>
    makeV2(url, { authProvider, fetch: authProvider.fetch }),
};

interface TransportOptions {
  authProvider: SessionOAuthProvider;
  fetch?: SessionOAuthProvider['fetch'];
}

function makeV1(url: string, options: TransportOptions): McpClient {
  const client = new ClientV1({ name: 'v1', version: '1.0.0' });
  let transport = new TransportV1(new URL(url), options);
  cleanUpLater(() => client.close());
  return {
    connect: () => client.connect((transport = new TransportV1(new URL(url), options))),
    finishAuth: async (params) =>
      transport.finishAuth((await options.authProvider.acceptCallback(params)).code),
    whoami: async () => textOf(await client.callTool({ name: 'whoami', arguments: {} })),
  };
}

function makeV2(url: string, options: TransportOptions): McpClient {
  const client = new ClientV2({ name: 'v2', version: '1.0.0' });
  let transport = new TransportV2(new URL(url), options);
  cleanUpLater(() => client.close());
  return {
    connect: () => client.connect((transport = new TransportV2(new URL(url), options))),
    finishAuth: async (params) => {
      const { code, iss } = await options.authProvider.acceptCallback(params);
      await transport.finishAuth(code, iss);
    },
    whoami: async () => textOf(await client.callTool({ name: 'whoami', arguments: {} })),
  };
}

function textOf(result: object): string {
  const { content } = result as { content: { text: string }[] };
  return content[0]!.text;
}
