import { storage } from '@mcp-ts/sdk/server';
import { clientSessionsCommands } from '../lib/client-sessions-probe.mjs';
import { serveCommands } from '../lib/commands.mjs';

serveCommands(
  clientSessionsCommands({
    form: ({ userId, ...session }) => ({
      ...session,
      identity: userId,
      transportType: 'streamable_http',
      active: true,
    }),
    create: (session) => storage.createSession(session),
    createEnding: (session, ms) => storage.createSession({ ...session, active: false }, ms / 1000),
    get: (userId, sessionId) => storage.getSession(userId, sessionId),
    update: (userId, sessionId, data) => storage.updateSession(userId, sessionId, /** @type {any} */ (data)),
    delete: (userId, sessionId) => storage.removeSession(userId, sessionId),
    list: (userId) => storage.getIdentitySessionsData(userId),
    listAllIds: () => storage.getAllSessionIds(),
    cleanupExpired: () => storage.cleanupExpiredSessions(),
  }),
);
