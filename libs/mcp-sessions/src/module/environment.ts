import { z } from 'zod';
import { InvalidConfigurationError } from '../common/errors.js';
import type { McpSessionsOptions } from './mcp-sessions-options.interface.js';

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const milliseconds = z.string().regex(/^\d+$/).transform(Number).pipe(z.number().int().min(1));

const redisAddress = z.url({ protocol: /^rediss?$/ });

/** Every variable, without its prefix: what it takes, in words, and by schema. */
const VARIABLES = {
  STORE: { allowed: '"memory", "file" or "redis"', schema: z.enum(['memory', 'file', 'redis']) },
  FILE: { allowed: 'the path of a file', schema: z.string().min(1) },
  STREAM: { allowed: '"memory" or "redis"', schema: z.enum(['memory', 'redis']) },
  REDIS_URL: { allowed: 'a URL that begins with redis:// or rediss://', schema: redisAddress },
  ALLOWED_ORIGINS: { allowed: 'origins such as https://app.example.com, separated by commas', schema: list },
  ALLOWED_HOSTS: { allowed: 'host names without port, separated by commas', schema: list },
  IDLE_TIMEOUT_MS: { allowed: 'a whole number of milliseconds from 1 up', schema: milliseconds },
  CLEANUP_INTERVAL_MS: { allowed: 'a whole number of milliseconds from 1 up', schema: milliseconds },
} as const;

type Variable = keyof typeof VARIABLES;
type ValueOf<V extends Variable> = z.output<(typeof VARIABLES)[V]['schema']>;

/** `MCP_SESSIONS_`, or `MCP_SESSIONS_NOTES_` for the registration named `notes`. */
export function environmentPrefix(name: string | undefined): string {
  if (name === undefined) return 'MCP_SESSIONS_';
  return `MCP_SESSIONS_${name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}_`;
}

/** The variable that gives an option. */
export function variableOf(option: keyof McpSessionsOptions, name: string | undefined): string {
  return environmentPrefix(name) + option.replace(/[A-Z]/g, '_$&').toUpperCase();
}

/**
 * The options that the environment gives.
 *
 * @param read a variable's value, or `undefined`; an empty value counts as not set
 * @throws InvalidConfigurationError a variable has a value that it cannot have; the message says what is allowed
 */
export function optionsFromEnvironment(
  read: (variable: string) => string | undefined,
  name: string | undefined,
): McpSessionsOptions {
  const value = <V extends Variable>(variable: V): ValueOf<V> | undefined =>
    valueOf(read, environmentPrefix(name) + variable, variable);

  const store = value('STORE');
  const path = value('FILE');
  if (path !== undefined && store !== undefined && store !== 'file') {
    const prefix = environmentPrefix(name);
    throw new InvalidConfigurationError(
      `${prefix}FILE is set, but ${prefix}STORE is "${store}": remove one, or set ${prefix}STORE to "file".`,
    );
  }
  return {
    store: path === undefined ? store : { type: 'file', path },
    stream: value('STREAM'),
    allowedOrigins: value('ALLOWED_ORIGINS'),
    allowedHosts: value('ALLOWED_HOSTS'),
    idleTimeoutMs: value('IDLE_TIMEOUT_MS'),
    cleanupIntervalMs: value('CLEANUP_INTERVAL_MS'),
  };
}

/**
 * The address of Redis that the environment gives: the registration's own, else `REDIS_URL`.
 *
 * @throws InvalidConfigurationError as {@link optionsFromEnvironment}
 */
export function redisUrlFromEnvironment(
  read: (variable: string) => string | undefined,
  name: string | undefined,
): string | undefined {
  const own = valueOf(read, `${environmentPrefix(name)}REDIS_URL`, 'REDIS_URL');
  return own ?? valueOf(read, 'REDIS_URL', 'REDIS_URL');
}

function valueOf<V extends Variable>(
  read: (variable: string) => string | undefined,
  fullName: string,
  variable: V,
): ValueOf<V> | undefined {
  const text = read(fullName);
  if (text === undefined || text === '') return undefined;
  const { schema, allowed } = VARIABLES[variable];
  const result = schema.safeParse(text);
  if (result.success) return result.data as ValueOf<V>;
  // An address may have a password in it.
  const shown = variable === 'REDIS_URL' ? 'something else' : JSON.stringify(text);
  throw new InvalidConfigurationError(`${fullName} must be ${allowed}; it is ${shown}.`);
}
