import { InvalidConfigurationError } from '../common/errors.js';
import { ENCRYPTION_KEYS_VARIABLE, encryptionKeysOf } from './encryption-keys.js';
import { FileStorageBackend } from './file-storage-backend.js';
import { MemoryStorageBackend } from './memory-storage-backend.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import type { Sessions } from './sessions.interface.js';

const TYPES = ['redis', 'file', 'memory'] as const;

type StorageType = (typeof TYPES)[number];

/** Reads a variable of the environment; an empty value counts as not set. */
export type ReadVariable = (variable: string) => string | undefined;

/**
 * Makes the backend that the environment asks for: `MCP_TS_STORAGE_TYPE`, or else Redis if there is a `REDIS_URL`, or
 * else a file if there is an `MCP_TS_STORAGE_FILE`, or else memory, with the keys of `MCP_SESSIONS_ENCRYPTION_KEYS`. It closes a Redis client of its own with
 * `disconnect`, and cannot be used afterwards.
 *
 * @throws InvalidConfigurationError the environment asks for something that there is not, or that lacks something
 */
export async function sessionsFromEnvironment(
  read: ReadVariable,
  given: SessionsOptions = {},
): Promise<Sessions> {
  const variable = (name: string): string | undefined => read(name) || undefined;
  const keys = variable(ENCRYPTION_KEYS_VARIABLE) ?? '';
  const encryptionKeys = given.encryptionKeys ?? encryptionKeysOf(keys, ENCRYPTION_KEYS_VARIABLE);
  const options = { ...given, encryptionKeys };
  const redisUrl = variable('REDIS_URL');
  const path = variable('MCP_TS_STORAGE_FILE');
  switch (typeOf(variable('MCP_TS_STORAGE_TYPE'), redisUrl, path)) {
    case 'redis': {
      if (redisUrl === undefined) {
        throw new InvalidConfigurationError('MCP_TS_STORAGE_TYPE is "redis", but REDIS_URL is not set');
      }
      // Loaded when it is asked for: whoever uses no Redis need not have a client for it.
      const { redisSessionsFromUrl } = await import('./redis-sessions-from-url.js');
      return redisSessionsFromUrl(redisUrl, options);
    }
    case 'file':
      return new FileStorageBackend({ path, ...options });
    case 'memory':
      return new MemoryStorageBackend(options);
  }
}

function typeOf(
  type: string | undefined,
  redisUrl: string | undefined,
  path: string | undefined,
): StorageType {
  if (type === undefined) return redisUrl !== undefined ? 'redis' : path !== undefined ? 'file' : 'memory';
  const known = TYPES.find((name) => name === type);
  if (known) return known;
  throw new InvalidConfigurationError(
    `MCP_TS_STORAGE_TYPE must be "redis", "file" or "memory"; it is ${JSON.stringify(type)}`,
  );
}
