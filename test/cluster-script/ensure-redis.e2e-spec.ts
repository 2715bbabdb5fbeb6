import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanUpLater } from '../support/clean-up.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/ensure-redis.mjs', import.meta.url));

/** Has the script look at this program. */
function ensure(program: string): { status: number | null; stderr: string } {
  const env = { ...process.env, REDIS_SERVER: program };
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { encoding: 'utf8', env });
  return { status, stderr };
}

/** A program that says this of its version: no server that is really so old is at hand. */
async function programOf(version: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ensure-redis-'));
  cleanUpLater(() => rm(directory, { recursive: true }));
  const program = join(directory, 'redis-server');
  await writeFile(program, `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 });
  return program;
}

describe('The script that sees to a Redis server', () => {
  it('takes the one that the tests run on', () => {
    expect(ensure(process.env['REDIS_SERVER'] ?? 'redis-server')).toEqual({ status: 0, stderr: '' });
  });

  it.each([
    'Redis server v=6.2.0 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64 build=x',
    'Redis server v=10.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=x',
    'Valkey server v=8.1.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=x',
  ])('takes %s', async (version) => {
    expect(ensure(await programOf(version))).toEqual({ status: 0, stderr: '' });
  });

  it.each(['6.0.16', '5.0.14'])('refuses version %s, and says what to do', async (version) => {
    const program = await programOf(`Redis server v=${version} sha=00000000:0 malloc=jemalloc-5.2.1 bits=64`);
    expect(ensure(program)).toEqual({
      status: 1,
      stderr: `${program} is version ${version}: install Redis 6.2 or newer, or name its program in REDIS_SERVER.\n`,
    });
  });

  it('refuses a program that is not there, and says what to do', () => {
    const { status, stderr } = ensure('/nowhere/redis-server');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^\/nowhere\/redis-server is missing: install Redis 6\.2 or newer, .*REDIS_SERVER\.\n$/,
    );
  });
});
