import { InvalidConfigurationError } from '../common/errors.js';
import type { CommandSender } from './command-sender.interface.js';

/**
 * Refuses servers that lack commands this library relies on: it takes Redis 6.2, or Valkey, which says which Redis
 * it is compatible with.
 *
 * @throws InvalidConfigurationError the server is too old
 * @throws the client's error, if the server cannot be asked
 */
export async function checkServerVersion(sender: CommandSender): Promise<void> {
  let info: string;
  try {
    info = String(await sender.send(undefined, 'info', ['server']));
  } catch (error) {
    // A server that keeps its version to itself is not refused for it.
    if (error instanceof Error && error.message.startsWith('NOPERM')) return;
    throw error;
  }
  const [, version = '', major, minor] = /redis_version:((\d+)\.(\d+)\S*)/.exec(info) ?? [];
  if (Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2)) return;
  if (version === '') return;
  throw new InvalidConfigurationError(
    `The server is Redis ${version}; sessions need Redis 6.2 or newer, or Valkey`,
  );
}
