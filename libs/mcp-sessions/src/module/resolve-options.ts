import { InvalidConfigurationError } from '../common/errors.js';
import { checkedPrincipal } from '../mcp/checked-principal.js';
import { principalOf } from './default-principal.js';
import { variableOf } from './environment.js';
import type { McpSessionsOptions } from './mcp-sessions-options.interface.js';
import { optionsSchema } from './options-schema.js';
import type { ResolvedOptions } from './resolved-options.interface.js';

/**
 * Completes the options: what the application gave, then the environment, then the defaults.
 *
 * @param name of the registration
 * @throws InvalidConfigurationError an option has a value that it cannot have; the message says which and why
 */
export function resolveOptions(
  given: McpSessionsOptions,
  environment: McpSessionsOptions,
  ownDefaults: Pick<ResolvedOptions, 'store' | 'sessions'>,
  name: string | undefined,
): ResolvedOptions {
  const { limits, ...options } = { ...defaults, ...ownDefaults, ...defined(environment), ...defined(given) };
  const complete = { ...options, limits: { ...defaultLimits, ...defined(limits ?? {}) } };
  const result = optionsSchema.safeParse(complete);
  if (result.success) {
    const { principal, ...others } = complete as ResolvedOptions;
    return { ...others, principal: checkedPrincipal(principal) };
  }
  const isFromVariable = (option: PropertyKey): option is keyof McpSessionsOptions =>
    option in defined(environment) && !(option in defined(given));
  const problems = result.error.issues.map(({ path: [option = 'options', ...path], message }) => {
    const where = isFromVariable(option) ? variableOf(option, name) : [option, ...path].join('.');
    return `${where}: ${message}`;
  });
  throw new InvalidConfigurationError(`McpSessionsModule has invalid options. ${problems.join('; ')}.`);
}

const defaultLimits = {
  sessions: 100_000,
  sessionsPerPrincipal: 1_000,
  streams: 20_000,
  streamsPerSession: 32,
  streamsPerPrincipal: 1_000,
  requestsPerSession: 128,
  runtimes: 1_000,
  batch: 100,
};

const defaults: Omit<ResolvedOptions, 'limits' | 'server' | 'store' | 'sessions'> = {
  stream: 'memory',
  principal: principalOf,
  allowedOrigins: [],
  allowedHosts: [],
  responseMode: 'sse',
  retryMs: 1_000,
  keepAliveMs: 15_000,
  maxBufferedBytes: 256 * 1024,
  maxBodyBytes: 4 * 1024 * 1024,
  idleTimeoutMs: 3_600_000,
  runtimeIdleMs: 10_000,
  cleanupIntervalMs: 60_000,
  shutdownGraceMs: 10_000,
};

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
