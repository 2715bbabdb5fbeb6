import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/memory-storage-backend.js';
import { MCP_CLIENTS } from './support/mcp-clients.js';
import { OAuthFlow } from './support/oauth-flow.js';
import { ScriptedAuthorizationServer } from './support/scripted-authorization-server.js';

/** Has something happen before the n-th update from now. */
class InterruptedBackend extends MemoryStorageBackend {
  private left = Infinity;
  private work = async (): Promise<void> => undefined;

  interrupt(n: number, work: () => Promise<void>): void {
    this.left = n;
    this.work = work;
  }

  override async update(...args: Parameters<MemoryStorageBackend['update']>): Promise<void> {
    this.left -= 1;
    if (this.left === 0) await this.work();
    return super.update(...args);
  }
}

describe.each(Object.entries(MCP_CLIENTS))('authorizing with %s', (_name, makeClient) => {
  let sessions: InterruptedBackend;
  let server: ScriptedAuthorizationServer;
  let flow: OAuthFlow<ScriptedAuthorizationServer>;

  beforeEach(async () => {
    sessions = new InterruptedBackend();
    server = await ScriptedAuthorizationServer.start();
    flow = await OAuthFlow.with(server, sessions, makeClient);
  });

  /** The user opens the URL, and comes back. */
  async function finish(): Promise<void> {
    const { authUrl } = await flow.session();
    const client = await flow.client();
    await client.finishAuth(await server.authorize(authUrl!));
    await client.connect();
    expect(await client.whoami()).toBe('alice');
  }

  describe.each([1, 2, 3, 4, 5, 6])('while another instance is before its update %i', (n) => {
    it.each([true, false])(
      'leaves one authorization that the user can finish, interactive: %s',
      async (interactive) => {
        const [one, other] = [await flow.client(), await flow.client({ interactive })];
        sessions.interrupt(n, () => expect(other.connect()).rejects.toThrow(/authorize/i));
        await expect(one.connect()).rejects.toThrow('Unauthorized');
        await finish();
      },
    );
  });

  it.each([1, 2])('leaves the client whose authorization it is, interrupted at update %i', async (n) => {
    const [one, other] = [await flow.client(), await flow.client()];
    let proceed = (): void => undefined;
    // The other has found no client, and is registering one, while this one is registered.
    const asked = new Promise<void>((resolve) => {
      server.registering = () => {
        server.registering = () => Promise.resolve();
        resolve();
        return new Promise((go) => (proceed = go));
      };
    });
    const outcome = Promise.allSettled([other.connect()]);
    await asked;
    sessions.interrupt(n, async () => {
      proceed();
      await outcome;
    });
    await expect(one.connect()).rejects.toThrow('Unauthorized');
    expect(await outcome).toMatchObject([{ reason: { message: 'Unauthorized' } }]);
    await finish();
  });

  it('leaves one authorization where two clients of one provider begin at once', async () => {
    const provider = await flow.provider();
    const clients = [makeClient(flow.url, provider), makeClient(flow.url, provider)];
    const outcomes = await Promise.allSettled(clients.map((client) => client.connect()));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await finish();
  });

  it('does not touch the authorization under way where no user is there', async () => {
    await expect((await flow.client()).connect()).rejects.toThrow('Unauthorized');
    const { updatedAt: _updatedAt, ...before } = await flow.session();
    const background = await flow.client({ interactive: false });
    await expect(background.connect()).rejects.toMatchObject({ code: 'AUTHORIZATION_REQUIRED' });
    expect(await flow.session()).toMatchObject(before);
  });
});
