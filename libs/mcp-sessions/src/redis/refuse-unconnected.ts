import { InvalidConfigurationError } from '../common/errors.js';
import type { RedisClient } from './redis-client.interface.js';

/**
 * Refuses a client of node-redis that nobody has connected: what is asked of it would wait until the command timeout.
 * Clients of ioredis and iovalkey connect by themselves.
 *
 * @param name the option that the client was handed over as
 * @throws InvalidConfigurationError it is not connected
 */
export function refuseUnconnected(name: string, client: RedisClient): void {
  if (!('isOpen' in client) || client.isOpen) return;
  throw new InvalidConfigurationError(
    `The node-redis client in \`${name}\` is not connected. Call \`await ${name}.connect()\` before sessions are used`,
  );
}
