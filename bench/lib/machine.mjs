import { execSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';

/** What the figures were measured on. */
export function machine() {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${osName()}, ${os.type()} ${os.release()} ${os.arch()}`,
    loadAverage: os.loadavg()[0],
  };
}

function osName() {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? os.platform();
  } catch {
    return os.platform();
  }
}

/**
 * Versions as they resolve from this folder; of packages that both sides bring along, `name (ours)` is the root's.
 * @param {string[]} names
 */
export function packageVersions(names) {
  return Object.fromEntries(
    names.map((name) => {
      const base = name.endsWith(' (ours)') ? '../../package.json' : '../package.json';
      return [name, versionOf(name.replace(' (ours)', ''), new URL(base, import.meta.url))];
    }),
  );
}

/** @param {string} name @param {URL} from */
function versionOf(name, from) {
  const folders = createRequire(from).resolve.paths(name) ?? [];
  for (const folder of folders) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version;
    } catch {
      // Not in this folder: the next one up.
    }
  }
  throw new Error(`${name} is not installed`);
}

/** Node raises its limit of open files to the hard limit by itself; below `needed` a row cannot run. @param {number} needed */
export function requireOpenFiles(needed) {
  if (process.platform === 'win32') return;
  const limit = execSync('ulimit -Hn', { shell: '/bin/sh', encoding: 'utf8' }).trim();
  if (limit !== 'unlimited' && Number(limit) < needed) {
    throw new Error(`needs ${needed} open files per process, the hard limit is ${limit} (see ulimit -Hn)`);
  }
}
