import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/memory-storage-backend.js';
import { MCP_CLIENTS } from './support/mcp-clients.js';
import { OAuthFlow } from './support/oauth-flow.js';
import { ScriptedAuthorizationServer } from './support/scripted-authorization-server.js';

const HOUR_MS = 3_600_000;
const later = { now: () => Date.now() + HOUR_MS };

describe.each(Object.entries(MCP_CLIENTS))(
  'refreshes of sessionOAuthProvider with %s',
  (_name, makeClient) => {
    let server: ScriptedAuthorizationServer;
    let flow: OAuthFlow<ScriptedAuthorizationServer>;

    beforeEach(async () => {
      server = await ScriptedAuthorizationServer.start();
      flow = await OAuthFlow.with(server, new MemoryStorageBackend(), makeClient);
      await flow.login();
    });

    it.each([true, false])(
      'registers anew where a refresh says that the client is unknown, interactive: %s',
      async (interactive) => {
        server.clients.clear();
        server.accessTokens.clear();
        await expect(flow.connected({ ...later, interactive })).rejects.toThrow(/authorize/i);
        expect(server.refreshes).toHaveLength(1);
        expect(await (await flow.authorize()).whoami()).toBe('alice');
        const { clientId } = await flow.session();
        expect([...server.clients]).toEqual([clientId]);
      },
    );

    it('stays registered where a refresh says that the token is revoked', async () => {
      const { clientId } = await flow.session();
      server.refreshTokens.clear();
      expect(await (await flow.provider(later)).tokens()).toBeUndefined();
      const session = await flow.session();
      expect(session).toMatchObject({ clientId, clientInformation: { client_id: clientId } });
      expect(session).not.toHaveProperty('tokens');
    });
  },
);
