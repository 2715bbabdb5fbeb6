import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SESSIONS = 400;

/** Stores and flushes for ever, and prints the number of each change that is durable. */
const WRITER = `
import { FileSystemSessionStore } from './session-store/file-system-session-store.js';
const store = new FileSystemSessionStore({ path: process.argv[2], debounceMs: 0 });
const now = Date.now();
for (let index = 0; index < ${SESSIONS}; index += 1) {
  await store.set('session ' + index, { lastAccessedAt: now, data: { text: 'x'.repeat(5_000) } });
}
for (let number = 0; ; number += 1) {
  await store.set('latest', { lastAccessedAt: now, data: { number } });
  await store.flush();
  process.stdout.write(number + '\\n');
}
`;

describe('FileSystemSessionStore in a process that is killed', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'session-store-crash-'));
    await compileInto(directory);
    await writeFile(join(directory, 'writer.js'), WRITER);
  });

  afterAll(() => rm(directory, { recursive: true }));

  it('leaves a whole file with everything that was flushed, whenever it is killed', async () => {
    const path = join(directory, 'data', 'sessions.json');
    for (const flushes of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const lastFlushed = await killAfter(flushes, path);
      const { sessions } = JSON.parse(await readFile(path, 'utf8')) as {
        sessions: { id: string; metadata: { data: { number: number } } }[];
      };
      const latest = sessions.find(({ id }) => id === 'latest');
      expect(latest?.metadata.data.number).toBeGreaterThanOrEqual(lastFlushed);
      expect(sessions).toHaveLength(SESSIONS + 1);
    }
    // Each process read what the one before left: nothing was set aside.
    expect((await readdir(join(directory, 'data'))).filter((name) => name.includes('corrupt'))).toEqual([]);
  }, 60_000);

  /** Kills the writer some time after so many flushes; answers the number of the last that it told of. */
  async function killAfter(flushes: number, path: string): Promise<number> {
    const child = spawn(process.execPath, [join(directory, 'writer.js'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
    let last = -1;
    let count = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if ((count += 1) === flushes) setTimeout(() => child.kill('SIGKILL'), Math.random() * 10);
    }
    expect(await exited).toBe('SIGKILL');
    return last;
  }
});

/** Compiles this folder and `common` to a place where plain Node can run them. */
async function compileInto(directory: string): Promise<void> {
  const source = fileURLToPath(new URL('..', import.meta.url));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  for (const folder of ['common', 'session-store']) {
    await mkdir(join(directory, folder));
    for (const name of await readdir(join(source, folder))) {
      if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
      const text = await readFile(join(source, folder, name), 'utf8');
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
      });
      await writeFile(join(directory, folder, name.replace(/\.ts$/, '.js')), outputText);
    }
  }
  const nest = createRequire(import.meta.url).resolve('@nestjs/common');
  const modules = nest.slice(0, nest.lastIndexOf(`${sep}@nestjs${sep}`));
  await symlink(modules, join(directory, 'node_modules'), 'dir');
}
