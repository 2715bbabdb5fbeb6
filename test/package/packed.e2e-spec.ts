import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const workspace = join(import.meta.dirname, '../..');
const packages = join(workspace, 'node_modules');
const library = join(workspace, 'libs/mcp-sessions');

/** What the application in `app/` brings along beside the library's required peers. */
const ofTheApplication = ['@modelcontextprotocol/server', '@types/node'];

let app: string;

/** Installs the packed library in an application of its own, and compiles that, declaration files included. */
beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'packed-'));
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
  await node([join(packages, 'typescript/bin/tsc'), '--project', 'tsconfig.app.json']);
}, 120_000);

afterAll(async () => {
  await rm(app, { recursive: true, force: true });
});

it('serves MCP from the packed library', async () => {
  const answer = JSON.parse(await node(['dist/main.js']));

  expect(answer).toMatchObject({ status: 200, sessionId: expect.any(String) });
  expect(answer.body).toContain('"serverInfo":{"name":"packed","version":"1.0.0"}');
}, 30_000);

it('examines a store with the packed contract suite', async () => {
  const report = await node(['--test-reporter=tap', 'dist/store-contract.js']);

  expect(report).toMatch(/^# pass [1-9]/m);
}, 30_000);

/** The library's required peers and the application's own packages, at the versions installed here. */
async function peersOfThisWorkspace(): Promise<Record<string, string>> {
  const { peerDependencies, peerDependenciesMeta } = await readJson(join(library, 'package.json'));
  const required = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  const versions = [...required, ...ofTheApplication].map(async (name) => {
    const { version } = await readJson(join(packages, name, 'package.json'));
    return [name, version] as const;
  });
  return Object.fromEntries(await Promise.all(versions));
}

async function readJson(path: string) {
  return JSON.parse(await readFile(path, 'utf8'));
}

function node(args: string[]): Promise<string> {
  return run(process.execPath, args, app);
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
