import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StreamableHTTPClientTransport, type Client } from '@modelcontextprotocol/client';
import { addNote, Notebook, textOf } from './support/notebook.js';

describe('the notebook with NOTEBOOK_TOKENS', () => {
  let notebook: Notebook;
  beforeEach(async () => {
    notebook = await Notebook.start({
      NOTEBOOK_TOKENS: 'alices-token:alice, second-token:alice,bobs-token:bob',
    });
  });
  afterEach(() => notebook.stop());

  it.each([
    [undefined, 'Bearer'],
    ['Basic YWxpY2U6', 'Bearer'],
    ['Bearer alices-toke', 'Bearer error="invalid_token"'],
    ['Bearer alice', 'Bearer error="invalid_token"'],
  ])('refuses the authorization %s', async (authorization, challenge) => {
    for (const path of ['/mcp', '/mcp/sse']) {
      const headers = { accept: 'text/event-stream', ...(authorization && { authorization }) };
      const response = await fetch(notebook.url + path, { headers });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe(challenge);
    }
  });

  it('asks for no token to say whether it is healthy', async () => {
    expect((await fetch(`${notebook.url}/health`)).status).toBe(200);
  });

  it('binds a session to its user', async () => {
    const client = await notebook.connect({ token: 'alices-token' });
    await addNote(client, 'Groceries');
    const shown = textOf(await client.callTool({ name: 'show_session' }));
    expect(JSON.parse(shown)).toMatchObject({ principal: 'notebook|alice' });
  });

  it("answers another user's session as not found, and leaves it alone", async () => {
    const client = await notebook.connect({ token: 'alices-token' });
    for (const method of ['POST', 'GET', 'DELETE']) {
      expect((await request(sessionIdOf(client), 'bobs-token', method)).status).toBe(404);
    }
    expect(await client.callTool({ name: 'show_session' })).not.toHaveProperty('isError', true);
  });

  it('knows the user by any of their tokens: tokens are refreshed', async () => {
    const client = await notebook.connect({ token: 'alices-token' });
    expect((await request(sessionIdOf(client), 'second-token', 'POST')).status).toBe(200);
  });

  it('guards HTTP+SSE as well', async () => {
    const client = await notebook.connect({ transport: 'sse', token: 'bobs-token' });
    const shown = textOf(await client.callTool({ name: 'show_session' }));
    expect(JSON.parse(shown)).toMatchObject({ principal: 'notebook|bob', transport: 'sse' });
  });

  function request(sessionId: string, token: string, method: string): Promise<Response> {
    return fetch(`${notebook.url}/mcp`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-session-id': sessionId,
      },
      ...(method === 'POST' && { body: JSON.stringify({ jsonrpc: '2.0', id: 99, method: 'ping' }) }),
    });
  }
});

describe('NOTEBOOK_TOKENS', () => {
  it.each(['secret', 'secret:', ':alice', 'secret:alice,'])(
    'cannot be %s, and is not repeated',
    async (list) => {
      const start = Notebook.start({ NOTEBOOK_TOKENS: list });
      await expect(start).rejects.toThrow('NOTEBOOK_TOKENS must have the form token:user,token:user');
      await expect(start).rejects.not.toThrow('secret');
    },
  );
});

function sessionIdOf(client: Client): string {
  return (client.transport as StreamableHTTPClientTransport).sessionId!;
}
