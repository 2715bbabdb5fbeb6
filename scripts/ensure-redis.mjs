// Sees to it that the tests and the cluster find a Redis server, 6.2 or newer: one that is installed, or, where this process
// may install packages (root on Debian or Ubuntu), a freshly installed one. Otherwise it says in one sentence what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const server = process.env.REDIS_SERVER ?? 'redis-server';
/** What Debian's packages ask before they start a daemon; the tests and the cluster start servers of their own. */
const POLICY = '/usr/sbin/policy-rc.d';

if (complaint() === undefined) process.exit(0);
if (!process.env.REDIS_SERVER && mayInstall()) install();
const reason = complaint();
if (reason !== undefined) {
  console.error(`${server} ${reason}: install Redis 6.2 or newer, or name its program in REDIS_SERVER.`);
  process.exit(1);
}

/** What is wrong with the server's program; `undefined`: nothing. */
function complaint() {
  const { status, stdout } = spawnSync(server, ['--version'], { encoding: 'utf8' });
  if (status !== 0) return 'is missing';
  // As Redis and Valkey write it; what says nothing of a version is taken for new.
  const [, version, major, minor] = /\bv=((\d+)\.(\d+)\S*)/.exec(stdout) ?? [];
  return Number(major) < 6 || (Number(major) === 6 && Number(minor) < 2)
    ? `is version ${version}`
    : undefined;
}

function mayInstall() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && run('apt-get', ['--version']);
}

function install() {
  console.error('Installing redis-server …');
  const keepsPolicy = existsSync(POLICY);
  if (!keepsPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const arguments_ = ['install', '--yes', '--no-install-recommends', 'redis-server'];
    if (!run('apt-get', arguments_) && run('apt-get', ['update'])) run('apt-get', arguments_);
  } finally {
    if (!keepsPolicy) rmSync(POLICY, { force: true });
  }
}

function run(command, parts) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, parts, { env, stdio: 'ignore' }).status === 0;
}
