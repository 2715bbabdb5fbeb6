import { LazySessions } from './lazy-sessions.js';
import { sessionsFromEnvironment } from './sessions-from-environment.js';
import type { Sessions } from './sessions.interface.js';

/**
 * The ready-made repository, chosen by environment:
 *
 * | variable | |
 * |---|---|
 * | `MCP_TS_STORAGE_TYPE` | `redis`, `file` or `memory`; without it, `REDIS_URL` means Redis, then `MCP_TS_STORAGE_FILE` a file, else memory |
 * | `REDIS_URL` | where Redis is; needs the package `ioredis` |
 * | `MCP_TS_STORAGE_FILE` | the file; default `./sessions.json` |
 * | `MCP_SESSIONS_ENCRYPTION_KEYS` | keys for credentials at rest: see `SessionsOptions.encryptionKeys` |
 *
 * Importing it does nothing. An environment that makes no sense is an error of the first use.
 */
export const sessions: Sessions = new LazySessions(() =>
  sessionsFromEnvironment((name) => process.env[name]),
);
