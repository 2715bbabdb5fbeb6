import { ENCRYPTION_KEYS_VARIABLE } from '../client-sessions/encryption-keys.js';
import { LazySessions } from '../client-sessions/lazy-sessions.js';
import { sessionsFromEnvironment, type ReadVariable } from '../client-sessions/sessions-from-environment.js';
import { sessions } from '../client-sessions/sessions.js';
import type { Sessions } from '../client-sessions/sessions.interface.js';

const VARIABLES = ['MCP_TS_STORAGE_TYPE', 'REDIS_URL', 'MCP_TS_STORAGE_FILE', ENCRYPTION_KEYS_VARIABLE];

/**
 * Where users' connections are kept when the application does not say: the global `sessions`, which reads the
 * environment of the process; or a repository of the registration's own, when the application knows other values.
 *
 * @param read a variable, as the application knows it
 */
export function defaultSessions(read: ReadVariable): Sessions {
  const isAsInProcess = VARIABLES.every(
    (name) => (read(name) || undefined) === (process.env[name] || undefined),
  );
  return isAsInProcess ? sessions : new LazySessions(() => sessionsFromEnvironment(read));
}
