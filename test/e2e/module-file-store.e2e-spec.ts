import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigModule } from '@nestjs/config';
import {
  FileSystemSessionStore,
  InvalidConfigurationError,
  McpSessionsModule,
  type McpSessionsOptions,
} from 'nestjs-mcp-sessions';
import { cleanUpLater } from '../support/clean-up.js';
import { startWith } from '../support/start-app.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
  cleanUpLater(() => rm(directory, { recursive: true, force: true }));
});

const HOUR_MS = 3_600_000;
const start = (path: string, options: McpSessionsOptions = {}, maxAgeMs?: number) =>
  startWith([
    McpSessionsModule.forRoot({ store: { type: 'file', path, maxAgeMs }, stream: 'memory', ...options }),
  ]);

describe('a file that a store cannot use stops the start', () => {
  /** Root writes into every directory but those that are no real ones. */
  const unwritable = async (): Promise<string> => {
    if (process.getuid?.() === 0) return '/proc/sessions.json';
    await chmod(directory, 0o500);
    return join(directory, 'sessions.json');
  };
  const inFile = async (): Promise<string> => {
    await writeFile(join(directory, 'file'), '');
    return join(directory, 'file', 'sessions.json');
  };

  it.each([
    ['a directory', async () => directory, /\(EISDIR: /],
    ['in a directory that is a file', inFile, /\(ENOTDIR: /],
    ['in a directory that cannot be written', unwritable, /\((EACCES|ENOENT): /],
  ])('%s', async (_, makePath, reason) => {
    const path = await makePath();
    const starting = start(path);
    await expect(starting).rejects.toThrow(InvalidConfigurationError);
    await expect(starting).rejects.toThrow(`The file of the option \`store\` cannot be used: ${path} (`);
    await expect(starting).rejects.toThrow(reason);
  });

  it('named by the environment, too', async () => {
    const config = ConfigModule.forRoot({
      isGlobal: true,
      ignoreEnvFile: true,
      load: [() => ({ MCP_SESSIONS_FILE: directory })],
    });
    await expect(startWith([config, McpSessionsModule.forRoot()])).rejects.toThrow(`${directory} (EISDIR`);
  });
});

it('a file that does not exist yet is of use, and the start leaves nothing beside it', async () => {
  const { logger } = await start(join(directory, 'new', 'sessions.json'));
  expect(await readdir(join(directory, 'new'))).toEqual([]);
  expect(logger.lines).toContainEqual(
    expect.stringContaining(`store: file (${join(directory, 'new', 'sessions.json')}); stream: memory`),
  );
});

describe('a session of the day before yesterday', () => {
  it.each([
    ['is there after a restart when it may be idle that long', 72 * HOUR_MS, undefined, true],
    ['is not when the store is to skip it', 72 * HOUR_MS, HOUR_MS, false],
  ])('%s', async (_, idleTimeoutMs, maxAgeMs, isThere) => {
    const path = join(directory, 'sessions.json');
    const then = Date.now() - 48 * HOUR_MS;
    const store = new FileSystemSessionStore({ path, now: () => then });
    await store.setWithTTL('one', { lastAccessedAt: then }, 72 * HOUR_MS);
    await store.close();
    const { sessions } = await start(path, { idleTimeoutMs }, maxAgeMs);
    expect((await sessions.get('one')) !== null).toBe(isThere);
  });
});
