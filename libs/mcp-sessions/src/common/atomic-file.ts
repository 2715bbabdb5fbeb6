import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** What opening or syncing a directory answers where the platform, or its permissions, do not let us. */
const DIRECTORY_SYNC_UNSUPPORTED = new Set(['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP']);

/** Temporary files that are younger may belong to a process that is still writing. */
const LEFTOVER_AFTER_MS = 60_000;

/**
 * Writes a file so that whoever reads it, also after a crash of the process or of the machine, finds either the
 * former content or the new one, whole. When the promise resolves, the new content is durable. The chunks are
 * asked for one at a time, each after the one before is written. A missing directory is made, for the owner only.
 *
 * @param path the file; it is replaced, whatever its former mode
 * @param chunks the content, in pieces
 * @param mode the permissions of the new file, less what the process's umask takes away
 * @throws the file system's error; the former content is then still there, and the temporary file is not
 */
export async function writeFileAtomically(
  path: string,
  chunks: Iterable<string> | AsyncIterable<string>,
  mode: number,
): Promise<void> {
  const directory = dirname(resolve(path));
  await makeDirectory(directory);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', mode);
  try {
    try {
      for await (const chunk of chunks) await writeWhole(file, Buffer.from(chunk));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // The first error says what went wrong; that the temporary file could not be removed either does not.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(directory);
}

/**
 * Removes the temporary files that processes left behind when they were killed while writing `path`.
 *
 * @throws the file system's error, unless there is no such directory
 */
export async function removeLeftovers(path: string, now: number): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of (await unlessAbsent(readdir(dirname(path)))) ?? []) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length))) continue;
    const leftover = join(dirname(path), name);
    const stats = await unlessAbsent(stat(leftover));
    if (stats && now - stats.mtimeMs > LEFTOVER_AFTER_MS) await rm(leftover, { force: true });
  }
}

/** A write may take fewer bytes than it was given; what is left is written next. */
async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, offset);
    offset += bytesWritten;
  }
}

/** Makes a directory and those above it that are missing, durably, for the owner only. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // A new directory is durable when the one above it is.
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!DIRECTORY_SYNC_UNSUPPORTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
