import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** @param {string} file */
function modifiedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} cwd @param {string[]} args */
function npm(cwd, args) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_package_')),
  );
  const { status } = spawnSync('npm', args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed`);
}

/** Installs the peers if they are missing, or older than the lock file. */
export function installPeers() {
  const installed = modifiedAt(`${BENCH}node_modules/.package-lock.json`);
  if (installed > modifiedAt(`${BENCH}package-lock.json`)) return;
  npm(BENCH, ['ci', '--omit=optional']);
}

export function buildLibrary() {
  npm(ROOT, ['run', '--silent', 'build', '--workspace', 'nestjs-mcp-sessions']);
}

/** Finds redis-server, or installs it where that is possible. */
export function installRedis() {
  const { status } = spawnSync(process.execPath, [`${ROOT}scripts/ensure-redis.mjs`], { stdio: 'inherit' });
  if (status !== 0) throw new Error('there is no redis-server');
}
