import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const workspace = join(import.meta.dirname, '../..');
const packages = join(workspace, 'node_modules');
const library = join(workspace, 'libs/mcp-sessions');

/** What the application of {@link ./app/main.ts} brings along beside the library's required peers. */
const ofTheApplication = ['@modelcontextprotocol/server', '@types/node'];

let app: string;

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'packed-'));
});

afterAll(async () => {
  await rm(app, { recursive: true, force: true });
});

it('serves MCP in an application that installed the packed library', async () => {
  const tarball = await run('npm', ['pack', '--silent', '--pack-destination', app], library);
  await cp(join(import.meta.dirname, 'app'), app, { recursive: true });
  await writeFile(
    join(app, 'package.json'),
    JSON.stringify({
      private: true,
      type: 'module',
      dependencies: { ...(await peersOfThisWorkspace()), 'nestjs-mcp-sessions': `file:${tarball.trim()}` },
    }),
  );

  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], app);
  await run(process.execPath, [join(packages, 'typescript/bin/tsc'), '--project', 'tsconfig.app.json'], app);
  const answer = JSON.parse(await run(process.execPath, ['dist/main.js'], app));

  expect(answer).toMatchObject({ status: 200, sessionId: expect.any(String) });
  expect(answer.body).toContain('"serverInfo":{"name":"packed","version":"1.0.0"}');
}, 120_000);

/** The library's required peers and the application's own packages, at the versions installed here. */
async function peersOfThisWorkspace(): Promise<Record<string, string>> {
  const { peerDependencies, peerDependenciesMeta } = await readJson(join(library, 'package.json'));
  const required = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  const names = [...required, ...ofTheApplication];
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await readJson(join(packages, name, 'package.json'))).version]),
    ),
  );
}

async function readJson(path: string) {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** Runs a program to its end and returns what it wrote; rejects, naming its output, when it fails or hangs. */
async function run(program: string, args: string[], cwd: string): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd, timeout: 100_000 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed\n${stdout}${stderr}`, { cause: error });
  }
}
