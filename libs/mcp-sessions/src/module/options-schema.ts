import { z } from 'zod';
import { allowedHost, allowedOrigin } from './allowed-name-checks.js';
import { falseOr, implementing, oneOf, settings } from './option-checks.js';
import { STORE_METHODS, STREAM_METHODS } from './own-objects.js';

const count = z.number().int().min(1);
const milliseconds = z.number().min(1);
/** Longer intervals than Node's timers take would fire at once. */
const interval = milliseconds.max(2 ** 31 - 1);
const seconds = z.number().positive();
const fn = z.custom<unknown>((value) => typeof value === 'function', 'must be a function');

const replay = falseOr({ maxEvents: count.optional(), maxAgeMs: milliseconds.optional() }).optional();

const redis = {
  type: z.literal('redis'),
  // Not a word of what it is: it may have a password in it.
  url: z
    .url({ protocol: /^rediss?$/, error: 'must be a URL that begins with redis:// or rediss://' })
    .optional(),
  prefix: z.string().min(1).optional(),
  ttl: seconds.optional(),
  commandTimeoutMs: interval.optional(),
};
/** What kind of client it is, the adapter finds out. */
const redisClient = z
  .custom<object>((value) => typeof value === 'object' && value !== null, 'must be a client')
  .optional();

const redisStore = settings({ ...redis, client: redisClient }).refine(
  ({ url, client }) => !(url && client),
  'Give a url or a client, not both',
);
const redisStream = settings({
  ...redis,
  client: redisClient,
  pubSubClient: redisClient,
  heartbeatInterval: seconds.max(86_400).optional(),
  replay,
})
  .refine(({ client, pubSubClient }) => !client === !pubSubClient, 'Give both client and pubSubClient')
  .refine(({ url, client }) => !(url && client), 'Give a url or clients, not both');

const stores = {
  memory: settings({ type: z.literal('memory') }),
  file: settings({
    type: z.literal('file'),
    path: z.string().min(1).optional(),
    debounceMs: z.number().min(0).optional(),
    maxAgeMs: milliseconds.optional(),
  }),
  redis: redisStore,
};
const streams = {
  memory: settings({ type: z.literal('memory'), replay }),
  redis: redisStream,
};

/** What the options must be, once they are complete. */
export const optionsSchema = settings({
  store: oneOf(stores, STORE_METHODS),
  stream: oneOf(streams, STREAM_METHODS),
  sessions: implementing(['create', 'update', 'get', 'list', 'delete', 'cleanupExpired', 'disconnect']),
  server: fn.optional(),
  principal: fn,
  allowedOrigins: z.array(allowedOrigin),
  allowedHosts: z.array(allowedHost),
  responseMode: z.enum(['sse', 'json']),
  retryMs: z.number().int().min(0),
  keepAliveMs: interval,
  maxBufferedBytes: count,
  maxBodyBytes: count,
  idleTimeoutMs: milliseconds,
  runtimeIdleMs: interval,
  cleanupIntervalMs: interval,
  shutdownGraceMs: z.number().min(0),
  limits: settings({
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
