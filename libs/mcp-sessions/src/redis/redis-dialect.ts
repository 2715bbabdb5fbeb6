import { InvalidConfigurationError } from '../common/errors.js';

/** The kinds of clients that the library tells apart. */
export type RedisDialect =
  'ioredis' | 'ioredis-cluster' | 'node-redis' | 'node-redis-cluster' | 'node-redis-sentinel';

/** What tells the kinds apart. */
interface Traits {
  readonly call?: unknown;
  readonly isCluster?: boolean;
  readonly isPipeline?: boolean;
  readonly mode?: string;
  readonly isOpen?: boolean;
  readonly sendCommand?: unknown;
  /** Of node-redis since version 5. */
  readonly destroy?: unknown;
  readonly nodeClient?: unknown;
  readonly acquire?: unknown;
  readonly execute?: unknown;
  readonly options?: Options;
}

interface Options {
  readonly keyPrefix?: string;
  readonly scaleReads?: unknown;
  readonly stringNumbers?: boolean;
  readonly redisOptions?: Options;
}

/**
 * Tells which kind of client this is.
 *
 * @throws InvalidConfigurationError it is none, or it is set up so that sessions would not be safe with it
 */
export function dialectOf(client: unknown): RedisDialect {
  const traits = (client ?? {}) as Traits;
  if (typeof traits.call === 'function' && !traits.isPipeline) {
    refuse(reasonAgainstOptions(traits.options));
    return traits.isCluster ? 'ioredis-cluster' : 'ioredis';
  }
  if (
    typeof traits.sendCommand === 'function' &&
    typeof traits.isOpen === 'boolean' &&
    typeof traits.destroy === 'function'
  ) {
    refuse(reasonAgainstOptions(traits.options));
    if (typeof traits.nodeClient === 'function') return 'node-redis-cluster';
    if (typeof traits.acquire === 'function') return 'node-redis-sentinel';
    if (typeof traits.execute !== 'function') return 'node-redis';
    refuse('it is a pool, whose commands overtake each other. Hand over one client');
  }
  refuse('it is not a client of ioredis, iovalkey, or node-redis 5 or newer');
}

/**
 * Refuses a client that already listens to channels, for commands.
 *
 * @throws InvalidConfigurationError it does
 */
export function refuseSubscriber(client: unknown): void {
  if ((client as Traits).mode === 'subscriber') {
    refuse(
      'it listens to channels, and takes no commands while it does. Hand that one over as `pubSubClient`',
    );
  }
}

function reasonAgainstOptions(options: Options | undefined): string | undefined {
  if (options?.keyPrefix || options?.redisOptions?.keyPrefix) {
    return 'its option `keyPrefix` does not reach the names inside of scripts. Use the option `prefix` of this library';
  }
  if (options?.stringNumbers || options?.redisOptions?.stringNumbers) {
    return 'its option `stringNumbers` turns numbers into text';
  }
  if (options?.scaleReads !== undefined && options.scaleReads !== 'master') {
    return 'its option `scaleReads` reads from replicas, which may not know a new session yet';
  }
  return undefined;
}

function refuse(reason: string): never;
function refuse(reason: string | undefined): void;
function refuse(reason: string | undefined): void {
  if (reason) throw new InvalidConfigurationError(`The Redis client cannot be used: ${reason}`);
}
