import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { installRedis } from './prepare.mjs';

/**
 * A Redis server of one row: both sides use it, in turn.
 * @typedef {object} RedisServer
 * @property {number} port
 * @property {() => Promise<void>} quiet Waits until former clients are gone.
 * @property {() => Promise<void>} empty The same, and removes all data.
 * @property {() => Promise<RedisUsage>} usage
 * @property {() => Promise<void>} stop
 *
 * @typedef {{ commands: number, cpuMicroseconds: number, memoryBytes: number }} RedisUsage Commands and CPU since the server's start.
 */

/** Should this process end before it has stopped them, nothing else would. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** Starts a server without persistence, on a free port. @returns {Promise<RedisServer>} */
export async function startRedis() {
  installRedis();
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const child = spawn(process.env.REDIS_SERVER ?? 'redis-server', args, { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const client = new Redis(port);
  client.on('error', () => undefined); // until the server is up; later, commands reject
  await client.ping();

  const quiet = async () => {
    while (Number(valueOf(await client.info('clients'), 'connected_clients')) > 1) await sleep(20);
  };

  return {
    port,
    quiet,
    empty: async () => {
      await quiet();
      await client.flushall();
    },
    usage: async () => {
      const info = await client.info();
      const cpuSeconds = ['used_cpu_sys', 'used_cpu_user'].map((name) => Number(valueOf(info, name)));
      return {
        commands: Number(valueOf(info, 'total_commands_processed')),
        cpuMicroseconds: (cpuSeconds[0] + cpuSeconds[1]) * 1e6,
        memoryBytes: Number(valueOf(info, 'used_memory')),
      };
    },
    stop: async () => {
      client.disconnect();
      child.kill('SIGKILL');
      if (running.has(child)) await once(child, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** @param {string} info What the server says about itself. @param {string} name */
function valueOf(info, name) {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
