import { clientFromUrl } from '../redis/client-from-url.js';
import { FileSystemSessionStore } from '../session-store/file-system-session-store.js';
import { InMemorySessionStore } from '../session-store/in-memory-session-store.js';
import { RedisSessionStore } from '../session-store/redis-session-store.js';
import type { SessionStore } from '../session-store/session-store.interface.js';
import type { SessionStoreOption } from './mcp-sessions-options.interface.js';
import { isSessionStore } from './own-objects.js';
import type { RedisStoreOption } from './redis-options.interface.js';
import { redisUrl, type RedisDefaults } from './redis-defaults.js';
import { untilRedisAnswers } from './until-redis-answers.js';
import { assertUsableFile } from './usable-file.js';

type Settings = Exclude<SessionStoreOption, string | SessionStore>;

const DEFAULT_PATH = '.mcp-use/sessions.json';
const DAY_MS = 86_400_000;

/** The store when nothing names one: a file that survives restarts while developing, memory in production. */
export function defaultStore(nodeEnv: string | undefined, name: string | undefined): SessionStoreOption {
  if (nodeEnv === 'production') return 'memory';
  if (name === undefined) return 'file';
  return { type: 'file', path: `.mcp-use/sessions-${encodeURIComponent(name)}.json` };
}

/**
 * @param idleTimeoutMs how long a session lives unused
 * @throws InvalidConfigurationError Redis does not answer, or there is no address for it; or the file is of no use
 */
export async function createSessionStore(
  option: SessionStoreOption,
  defaults: RedisDefaults,
  idleTimeoutMs: number,
): Promise<SessionStore> {
  if (isSessionStore(option)) return option;
  const settings = settingsOf(option);
  switch (settings.type) {
    case 'memory':
      return new InMemorySessionStore();
    case 'file':
      return createFileStore(settings, idleTimeoutMs);
    case 'redis':
      return createRedisSessionStore(settings, defaults);
  }
}

/** The file of a store that has one, as it was given. */
export function sessionFilePath(option: Exclude<SessionStoreOption, SessionStore>): string | undefined {
  const settings = settingsOf(option);
  return settings.type === 'file' ? (settings.path ?? DEFAULT_PATH) : undefined;
}

function settingsOf(option: Exclude<SessionStoreOption, SessionStore>): Settings {
  return typeof option === 'string' ? { type: option } : option;
}

async function createFileStore(
  { type: _, path = DEFAULT_PATH, maxAgeMs, ...config }: Extract<Settings, { type: 'file' }>,
  idleTimeoutMs: number,
): Promise<SessionStore> {
  // A restart must not end sessions that would have lived on without it.
  const age = maxAgeMs ?? Math.max(DAY_MS, idleTimeoutMs);
  const store = new FileSystemSessionStore({ ...config, path, maxAgeMs: age });
  try {
    await assertUsableFile(path, () => store.has(''));
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function createRedisSessionStore(
  option: RedisStoreOption,
  defaults: RedisDefaults,
): Promise<SessionStore> {
  const { client: given, prefix = defaults.storePrefix, ttl = defaults.ttl, commandTimeoutMs } = option;
  const client =
    given ?? (await clientFromUrl(redisUrl('store', option.url, defaults), { commandTimeoutMs }));
  const ownsClient = given === undefined;
  const store = new RedisSessionStore({ client, prefix, defaultTTL: ttl, commandTimeoutMs, ownsClient });
  try {
    await untilRedisAnswers('store', [client], () => tryOut(store));
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Reads, runs a script and deletes, on a session that nobody has: a user may be allowed to do only some of it. */
async function tryOut(store: RedisSessionStore): Promise<void> {
  await store.get('');
  await store.update('', {});
  await store.delete('');
}
