/**
 * A connection of a user to an MCP server that registered the application by itself, as both sides store it; what they
 * call differently is added by their applications.
 * @typedef {object} ClientSession
 * @property {string} userId
 * @property {string} sessionId
 * @property {string} serverId
 * @property {string} serverName
 * @property {string} serverUrl
 * @property {string} callbackUrl
 * @property {number} createdAt
 * @property {object} clientInformation
 * @property {ReturnType<typeof tokens>} tokens
 * @property {string} clientId
 */

/** The id of the user with this number. @param {number} number */
export function userId(number) {
  return `user_2f6b${100_000 + number}`;
}

/** The id of the session with this number, as long as a UUID. @param {number} number */
export function sessionId(number) {
  return `5f0e2c3a-7a2b-4c59-9d43-${100_000_000_000 + number}`;
}

/** What a token endpoint answers: an access token of the length of a short JWT. @param {number} number */
export function tokens(number) {
  return {
    access_token: `eyJhbGciOiJSUzI1NiJ9.${`${number}pq`.repeat(100).slice(0, 480)}`,
    token_type: 'bearer',
    expires_in: 3600,
    refresh_token: `rt_${number}_`.padEnd(64, 'x'),
    scope: 'read write offline_access',
  };
}

/**
 * The session with this number, of one of so many users in turn.
 * @param {number} number @param {number} users
 * @returns {ClientSession}
 */
export function clientSession(number, users) {
  return {
    userId: userId(number % users),
    sessionId: sessionId(number),
    serverId: `server-${number % 40}`,
    serverName: `Server ${number % 40}`,
    serverUrl: `https://mcp-${number % 40}.example.com/mcp`,
    callbackUrl: 'https://app.example.com/api/mcp/oauth/callback',
    createdAt: Date.now(),
    clientInformation: {
      client_id: `client-${number}`,
      client_name: 'Example Application',
      redirect_uris: ['https://app.example.com/api/mcp/oauth/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    tokens: tokens(number),
    clientId: `client-${number}`,
  };
}
