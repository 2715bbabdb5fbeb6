import { open, readFile, rename } from 'node:fs/promises';

/** The content of the file; `undefined` if there is none. @throws the file system's other errors */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The bytes as text; `undefined` if they are not UTF-8. */
export function textOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    // A file that is merely too large is not damaged.
    if (errorCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return undefined;
    throw error;
  }
}

/**
 * Moves a damaged file away, whole, to a name that no other file has.
 *
 * @returns the new name
 * @throws the file system's error
 */
export async function setAside(path: string, now: number): Promise<string> {
  const aside = await reserveName(`${path}.corrupt-${timestamp(now)}`);
  await rename(path, aside);
  return aside;
}

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Makes an empty file whose name no other has, so that moving a file there overwrites nothing. */
async function reserveName(name: string): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const candidate = attempt === 0 ? name : `${name}-${attempt}`;
    try {
      await (await open(candidate, 'wx', 0o600)).close();
      return candidate;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** An ISO date in characters that every file system takes. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[:.]/g, '-');
}
