import 'reflect-metadata';
import { sessions } from 'nestjs-mcp-sessions';
import { clientSessionsCommands } from '../lib/client-sessions-probe.mjs';
import { serveCommands } from '../lib/commands.mjs';

/** Until when an authorization may be under way, unless something else is set. */
const PENDING_TTL_MS = 600_000;

serveCommands(
  clientSessionsCommands({
    form: (session) => ({ ...session, transportType: 'streamable-http', status: 'active' }),
    create: (session) => sessions.create(session),
    createEnding: (session, ms) =>
      sessions.create({ ...session, status: 'pending', createdAt: Date.now() - PENDING_TTL_MS + ms }),
    get: (userId, sessionId) => sessions.get(userId, sessionId),
    update: (userId, sessionId, data) => sessions.update(userId, sessionId, data),
    delete: (userId, sessionId) => sessions.delete(userId, sessionId),
    list: (userId) => sessions.list(userId),
    listAllIds: () => sessions.listAllIds(),
    cleanupExpired: () => sessions.cleanupExpired(),
  }),
);
