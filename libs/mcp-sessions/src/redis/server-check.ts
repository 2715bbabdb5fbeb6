import { InvalidConfigurationError } from '../common/errors.js';
import type { CommandSender } from './command-sender.interface.js';

/**
 * Refuses servers that lack commands this library relies on: it takes Redis 6.2, or Valkey, which says which Redis
 * it is compatible with. Refuses as well what the client is not made for: a Sentinel, and, unless it is a client of
 * Clusters, a node of one, which knows only some of the keys.
 *
 * @throws InvalidConfigurationError the server is too old, or asks for another kind of client
 * @throws the client's error, if the server cannot be asked
 */
export async function checkServer(sender: CommandSender): Promise<void> {
  let info: string;
  try {
    info = String(await sender.send(undefined, 'info', ['server']));
  } catch (error) {
    // A server that keeps to itself what it is is not refused for it.
    if (error instanceof Error && error.message.startsWith('NOPERM')) return;
    throw error;
  }
  const reason = reasonAgainstVersion(info) ?? reasonAgainstMode(info, sender.isCluster);
  if (reason) throw new InvalidConfigurationError(reason);
}

function reasonAgainstVersion(info: string): string | undefined {
  const [, version, major, minor] = /redis_version:((\d+)\.(\d+)\S*)/.exec(info) ?? [];
  if (version === undefined) return undefined;
  if (Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2)) return undefined;
  return `The server is Redis ${version}; sessions need Redis 6.2 or newer, or Valkey`;
}

function reasonAgainstMode(info: string, isClusterClient: boolean): string | undefined {
  // Valkey has the second name for it.
  const [, mode] = /^(?:redis|server)_mode:(\w+)/m.exec(info) ?? [];
  if (mode === 'cluster' && !isClusterClient) {
    return (
      'The server is a node of a Redis Cluster: instead of an address or a client of one server, hand over clients of ' +
      'the Cluster (`Cluster` of ioredis or iovalkey, `createCluster` of node-redis)'
    );
  }
  if (mode === 'sentinel') {
    return (
      'The server is a Sentinel, which keeps no data: hand over clients that ask it for the primary (`sentinels` of ' +
      'ioredis or iovalkey, `createSentinel` of node-redis)'
    );
  }
  return undefined;
}
