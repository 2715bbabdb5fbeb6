import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeLeftovers, writeFileAtomically } from './atomic-file.js';

describe('writeFileAtomically', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'atomic-file-'));
    path = join(directory, 'file.json');
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(directory, { recursive: true });
  });

  const modeOf = async (name: string) => (await stat(name)).mode & 0o777;

  /** The methods of every open file, to make them fail. */
  const fileMethods = async () => {
    const handle = await open(directory, 'r');
    await handle.close();
    return Object.getPrototypeOf(handle) as Awaited<ReturnType<typeof open>>;
  };

  it('writes all chunks, and leaves nothing else in the directory', async () => {
    await writeFileAtomically(path, ['one ', 'zwö ', '🦊'], 0o600);
    expect(await readFile(path, 'utf8')).toBe('one zwö 🦊');
    expect(await readdir(directory)).toEqual(['file.json']);
  });

  it('is for the owner only, also where the former file was not', async () => {
    await writeFile(path, 'former', { mode: 0o644 });
    await writeFileAtomically(path, ['new'], 0o600);
    expect(await modeOf(path)).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  it('makes missing directories, for the owner only', async () => {
    const nested = join(directory, 'a', 'b', 'file.json');
    await writeFileAtomically(nested, ['new'], 0o600);
    expect(await readFile(nested, 'utf8')).toBe('new');
    expect(await modeOf(join(directory, 'a'))).toBe(0o700);
    expect(await modeOf(join(directory, 'a', 'b'))).toBe(0o700);
  });

  it('writes on where the system took fewer bytes than it was given', async () => {
    const methods = await fileMethods();
    const write = methods.write as unknown as (
      buffer: Buffer,
      offset: number,
      length: number,
    ) => Promise<never>;
    jest.spyOn(methods, 'write').mockImplementation(function (this: unknown, ...args: unknown[]) {
      const [buffer, offset] = args as [Buffer, number];
      return write.call(this, buffer, offset, Math.min(7, buffer.length - offset));
    } as never);
    const content = 'a text of more than seven bytes, with ümläuts';
    await writeFileAtomically(path, [content, content], 0o600);
    expect(await readFile(path, 'utf8')).toBe(content + content);
  });

  it('syncs the file before it takes the name, and the directory afterwards', async () => {
    const methods = await fileMethods();
    const sync = methods.sync;
    const nameTaken: boolean[] = [];
    jest.spyOn(methods, 'sync').mockImplementation(function (this: typeof methods) {
      nameTaken.push(existsSync(path));
      return sync.call(this);
    });
    await writeFileAtomically(path, ['new'], 0o600);
    expect(nameTaken).toEqual([false, true]);
  });

  it('syncs the directories above the ones it makes', async () => {
    const sync = jest.spyOn(await fileMethods(), 'sync');
    await writeFileAtomically(join(directory, 'a', 'b', 'file.json'), ['new'], 0o600);
    // b and a in theirs, the file itself, and the file in b
    expect(sync).toHaveBeenCalledTimes(4);
  });

  it.each(['write', 'sync'] as const)('keeps the former file when it fails to %s', async (method) => {
    await writeFile(path, 'former');
    jest.spyOn(await fileMethods(), method).mockRejectedValue(new Error('ENOSPC') as never);
    await expect(writeFileAtomically(path, ['new'], 0o600)).rejects.toThrow('ENOSPC');
    expect(await readFile(path, 'utf8')).toBe('former');
    expect(await readdir(directory)).toEqual(['file.json']);
  });

  it('keeps the former file when the content cannot be made', async () => {
    await writeFile(path, 'former');
    const failing = function* () {
      yield 'new';
      throw new Error('no content');
    };
    await expect(writeFileAtomically(path, failing(), 0o600)).rejects.toThrow('no content');
    expect(await readFile(path, 'utf8')).toBe('former');
    expect(await readdir(directory)).toEqual(['file.json']);
  });

  it('cleans up when the name cannot be taken', async () => {
    await mkdir(path);
    await expect(writeFileAtomically(path, ['new'], 0o600)).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(directory)).toEqual(['file.json']);
  });

  it('asks for a chunk only when the one before is written', async () => {
    let pending = 0;
    const methods = await fileMethods();
    const write = methods.write as (...args: unknown[]) => Promise<never>;
    jest.spyOn(methods, 'write').mockImplementation(async function (this: unknown, ...args: unknown[]) {
      const answer = await write.apply(this, args);
      pending -= 1;
      return answer;
    } as never);
    const chunks = function* () {
      for (let count = 0; count < 5; count += 1) {
        expect(pending).toBe(0);
        pending += 1;
        yield 'chunk ';
      }
    };
    await writeFileAtomically(path, chunks(), 0o600);
    expect(await readFile(path, 'utf8')).toBe('chunk '.repeat(5));
  });

  it('removes the temporary files of killed processes, and no others', async () => {
    const old = new Date(Date.now() - 120_000);
    const kept = [
      'file.json',
      'file.json.0123456789ab.tmp.bak',
      'file.json.something.tmp',
      'other.json.0123456789ab.tmp',
      'xfile.json.0123456789ab.tmp',
    ];
    for (const name of [...kept, 'file.json.0123456789ab.tmp']) {
      await writeFile(join(directory, name), '');
      await utimes(join(directory, name), old, old);
    }
    await writeFile(join(directory, 'file.json.ba9876543210.tmp'), 'being written');
    await removeLeftovers(path, Date.now());
    expect((await readdir(directory)).sort()).toEqual([...kept, 'file.json.ba9876543210.tmp'].sort());
    await removeLeftovers(join(directory, 'absent', 'file.json'), Date.now());
  });
});
