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

/** Clients of both SDKs. */
export const MCP_CLIENTS: Record<string, MakeClient> = {
  '@modelcontextprotocol/sdk (v1)': (url, authProvider) => {
    const client = new ClientV1({ name: 'v1', version: '1.0.0' });
    let transport = new TransportV1(new URL(url), { authProvider });
    cleanUpLater(() => client.close());
    return {
      connect: () => client.connect((transport = new TransportV1(new URL(url), { authProvider }))),
      finishAuth: async (params) => transport.finishAuth((await authProvider.acceptCallback(params)).code),
      whoami: async () => textOf(await client.callTool({ name: 'whoami', arguments: {} })),
    };
  },
  '@modelcontextprotocol/client (v2)': (url, authProvider) => {
    const client = new ClientV2({ name: 'v2', version: '1.0.0' });
    let transport = new TransportV2(new URL(url), { authProvider });
    cleanUpLater(() => client.close());
    return {
      connect: () => client.connect((transport = new TransportV2(new URL(url), { authProvider }))),
      finishAuth: async (params) => {
        const { code, iss } = await authProvider.acceptCallback(params);
        await transport.finishAuth(code, iss);
      },
      whoami: async () => textOf(await client.callTool({ name: 'whoami', arguments: {} })),
    };
  },
};

function textOf(result: object): string {
  const { content } = result as { content: { text: string }[] };
  return content[0]!.text;
}
