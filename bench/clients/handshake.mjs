import { request } from 'node:http';

export const PROTOCOL_VERSION = '2025-11-25';

export const ACCEPT = 'application/json, text/event-stream';

/**
 * POSTs one message and reads the answer to its end.
 * @param {number} port @param {import('node:http').Agent} agent @param {object} message @param {string} [sessionId]
 * @returns {Promise<{ headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
export function post(port, agent, message, sessionId) {
  const body = JSON.stringify(message);
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Accept: ACCEPT,
    ...(sessionId && { 'Mcp-Session-Id': sessionId, 'MCP-Protocol-Version': PROTOCOL_VERSION }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path: '/mcp', method: 'POST', agent, headers });
    outgoing.on('error', (error) => {
      // The server may close a connection that has idled just when it is used again.
      if (outgoing.reusedSocket) resolve(post(port, agent, message, sessionId));
      else reject(error);
    });
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200 || response.statusCode === 202) {
          resolve({ headers: response.headers, body: text });
        } else {
          reject(new Error(`POST answered ${response.statusCode}: ${text.slice(0, 500)}`));
        }
      });
    });
    outgoing.end(body);
  });
}

/** Opens a session as every client does. Resolves to its id. @param {number} port @param {import('node:http').Agent} agent */
export async function openSession(port, agent) {
  const params = {
    protocolVersion: PROTOCOL_VERSION,
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
    clientInfo: { name: 'bench', version: '1.0.0' },
  };
  const { headers } = await post(port, agent, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const sessionId = headers['mcp-session-id'];
  if (typeof sessionId !== 'string') throw new Error('initialize was answered without Mcp-Session-Id');
  await post(port, agent, { jsonrpc: '2.0', method: 'notifications/initialized' }, sessionId);
  return sessionId;
}

/** @param {number} port @param {import('node:http').Agent} agent @param {string} sessionId */
export function deleteSession(port, agent, sessionId) {
  return new Promise((resolve, reject) => {
    const headers = { 'Mcp-Session-Id': sessionId, 'MCP-Protocol-Version': PROTOCOL_VERSION };
    const outgoing = request({ port, host: '127.0.0.1', path: '/mcp', method: 'DELETE', agent, headers });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => response.resume().on('end', resolve));
    outgoing.end();
  });
}
