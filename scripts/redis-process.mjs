import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { ManagedProcess } from './managed-process.mjs';

const STOP_TIMEOUT_MS = 5_000;

/**
 * Starts a Redis server on a free port, which keeps its data in memory only and ends with this process. The program is
 * what the environment calls `REDIS_SERVER`, or `redis-server`.
 *
 * @returns {Promise<{ url: string, pid: number, stop(): Promise<void> }>}
 * @throws {Error} there is no such program, or it ended
 */
export async function startRedis() {
  const program = process.env.REDIS_SERVER ?? 'redis-server';
  const port = await freePort();
  const memoryOnly = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const redis = new ManagedProcess(program, ['--port', `${port}`, '--bind', '127.0.0.1', ...memoryOnly]);
  try {
    await redis.ready(/Ready to accept connections/);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    const sentence = `${program} is missing: install Redis 6.2 or newer, or name its program in REDIS_SERVER.`;
    throw new Error(sentence, { cause: error });
  }
  return { url: `redis://127.0.0.1:${port}`, pid: redis.pid, stop: () => redis.stop(STOP_TIMEOUT_MS) };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
