// Sees to it that the tests and the cluster find a Redis server: one that is installed, or, where this process may install
// packages (root on Debian or Ubuntu), a freshly installed one. Otherwise it says in one sentence what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const server = process.env.REDIS_SERVER ?? 'redis-server';
/** What Debian's packages ask before they start a daemon; the tests and the cluster start servers of their own. */
const POLICY = '/usr/sbin/policy-rc.d';

if (isInstalled()) process.exit(0);
if (!process.env.REDIS_SERVER && mayInstall()) install();
if (!isInstalled()) {
  console.error(`${server} is missing: install Redis 6.2 or newer, or name its program in REDIS_SERVER.`);
  process.exit(1);
}

function isInstalled() {
  return spawnSync(server, ['--version'], { stdio: 'ignore' }).status === 0;
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
