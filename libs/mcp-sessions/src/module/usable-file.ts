import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { makeDirectory } from '../common/atomic-file.js';
import { InvalidConfigurationError } from '../common/errors.js';
import { reasonOf } from './reason-of.js';

/**
 * Finds out whether a store can use its file: reads it, and writes beside it, as saving does. Otherwise every request
 * would fail, or nothing would be saved.
 *
 * @param read reads the file as the store does
 * @throws InvalidConfigurationError one of the two does not work; the message names the file and the reason
 */
export async function assertUsableFile(path: string, read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
    await writeBeside(resolve(path));
  } catch (error) {
    throw new InvalidConfigurationError(
      `The file of the option \`store\` cannot be used: ${resolve(path)} (${reasonOf(error)}). Name a file that this ` +
        'process can read, in a directory that it can write to, or choose another store.',
      { cause: error },
    );
  }
}

async function writeBeside(path: string): Promise<void> {
  await makeDirectory(dirname(path));
  // A name that the store knows as a leftover, should the process be killed here.
  const probe = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  await (await open(probe, 'wx', 0o600)).close();
  await rm(probe);
}
