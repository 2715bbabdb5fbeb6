import { InvalidConfigurationError } from '../common/errors.js';
import { environmentPrefix } from './environment.js';

/** What the options for Redis may leave out. */
export interface RedisDefaults {
  /** Reads the address that the environment gives: not before it is needed, since it may be wrong and of no use. */
  readUrl: () => string | undefined;
  /** The variable that would give it, for messages. */
  urlVariable: string;
  storePrefix: string;
  streamPrefix: string;
  /** How long a session lives unused, in seconds. */
  ttl: number;
}

/** @param name of the registration: those of one application share no keys, or broadcasts would reach both */
export function redisDefaults(
  name: string | undefined,
  readUrl: () => string | undefined,
  idleTimeoutMs: number,
): RedisDefaults {
  const suffix = name === undefined ? '' : `${encodeURIComponent(name)}:`;
  return {
    readUrl,
    urlVariable: `${environmentPrefix(name)}REDIS_URL`,
    storePrefix: `mcp:session:${suffix}`,
    streamPrefix: `mcp:stream:${suffix}`,
    ttl: idleTimeoutMs / 1_000,
  };
}

/** @throws InvalidConfigurationError neither the option nor the environment gives an address */
export function redisUrl(
  what: 'store' | 'stream',
  given: string | undefined,
  defaults: RedisDefaults,
): string {
  const url = given ?? defaults.readUrl();
  if (url !== undefined) return url;
  const clients = what === 'store' ? '`client`' : '`client` and `pubSubClient`';
  throw new InvalidConfigurationError(
    `The option \`${what}\` is Redis, but has no address: give it a \`url\` or ${clients}, or set ` +
      `${defaults.urlVariable} or REDIS_URL.`,
  );
}
