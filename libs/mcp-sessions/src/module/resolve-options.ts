import { z } from 'zod';
import { InvalidConfigurationError } from '../common/errors.js';
import { principalOf } from './default-principal.js';
import type { McpSessionsOptions } from './mcp-sessions-options.interface.js';
import type { ResolvedOptions } from './resolved-options.interface.js';

const count = z.number().int().min(1);
const milliseconds = z.number().min(1);
/** Longer intervals than Node's timers take would fire at once. */
const interval = milliseconds.max(2 ** 31 - 1);
const fn = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'Expected a function',
);

/** An object of the application's own, with at least these methods. */
const implementing = (...methods: string[]) =>
  z.custom<object>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
    `Expected an object with the methods ${methods.join(', ')}, or what the documentation names`,
  );

const replay = z.union([
  z.literal(false),
  z.strictObject({ maxEvents: count.optional(), maxAgeMs: milliseconds.optional() }),
]);

const seconds = z.number().positive();
const redis = {
  type: z.literal('redis'),
  url: z.url({ protocol: /^rediss?$/ }).optional(),
  prefix: z.string().min(1).optional(),
  ttl: seconds.optional(),
  commandTimeoutMs: interval.optional(),
};
/** What kind of client it is, the adapter finds out. */
const redisClient = z.custom<object>(
  (value) => typeof value === 'object' && value !== null,
  'Expected a client',
);

const redisStore = z
  .strictObject({ ...redis, client: redisClient.optional() })
  .refine(({ url, client }) => !(url && client), 'Give a url or a client, not both');
const redisStream = z
  .strictObject({
    ...redis,
    client: redisClient.optional(),
    pubSubClient: redisClient.optional(),
    heartbeatInterval: seconds.max(86_400).optional(),
    replay: replay.optional(),
  })
  .refine(({ client, pubSubClient }) => !client === !pubSubClient, 'Give both client and pubSubClient')
  .refine(({ url, client }) => !(url && client), 'Give a url or clients, not both');

const optionsSchema = z.strictObject({
  store: z.union([
    z.enum(['memory', 'file', 'redis']),
    z.strictObject({ type: z.literal('memory') }),
    z.strictObject({
      type: z.literal('file'),
      path: z.string().min(1).optional(),
      debounceMs: z.number().min(0).optional(),
      maxAgeMs: milliseconds.optional(),
    }),
    redisStore,
    implementing('get', 'set', 'delete', 'has', 'keys'),
  ]),
  stream: z.union([
    z.enum(['memory', 'redis']),
    z.strictObject({ type: z.literal('memory'), replay: replay.optional() }),
    redisStream,
    implementing('create', 'send', 'delete', 'has'),
  ]),
  sessions: implementing('create', 'update', 'get', 'list', 'delete', 'cleanupExpired', 'disconnect'),
  server: fn.optional(),
  principal: fn,
  allowedOrigins: z.array(z.union([z.literal('*'), z.url({ protocol: /^https?$/ })])),
  allowedHosts: z.array(
    z.string().regex(/^[^:/\s]+$|^\[[0-9a-fA-F:]+\]$/, 'Expected a host name without port'),
  ),
  responseMode: z.enum(['sse', 'json']),
  retryMs: z.number().int().min(0),
  keepAliveMs: interval,
  maxBufferedBytes: count,
  maxBodyBytes: count,
  idleTimeoutMs: milliseconds,
  runtimeIdleMs: interval,
  cleanupIntervalMs: interval,
  shutdownGraceMs: z.number().min(0),
  limits: z.strictObject({
    sessions: count,
    sessionsPerPrincipal: count,
    streams: count,
    streamsPerSession: count,
    streamsPerPrincipal: count,
    requestsPerSession: count,
    runtimes: count,
    batch: count,
  }),
});

/**
 * Completes the options: what the application gave, then the environment, then the defaults.
 *
 * @throws InvalidConfigurationError an option has a value that it cannot have; the message says which and why
 */
export function resolveOptions(
  given: McpSessionsOptions,
  environment: McpSessionsOptions,
  ownDefaults: Pick<ResolvedOptions, 'store' | 'sessions'>,
): ResolvedOptions {
  const { limits, ...options } = { ...defaults, ...ownDefaults, ...defined(environment), ...defined(given) };
  const complete = { ...options, limits: { ...defaultLimits, ...defined(limits ?? {}) } };
  const result = optionsSchema.safeParse(complete);
  if (result.success) return complete as ResolvedOptions;
  const problems = result.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'options'}: ${message}`,
  );
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
