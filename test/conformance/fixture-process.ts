import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { collectOutput, track } from './child-process.js';
import type { FixtureReady } from './fixture-server.js';

const startTimeoutMs = 20_000;

/** A fixture server, or several as one, in processes of their own. */
export interface Fixture {
  /** Where it answers. */
  url: string;
  /** Everything it has written. */
  output: () => string;
  /** Ends it. */
  stop: () => void | Promise<void>;
}

/**
 * Starts a fixture server on a free port, and returns once it takes requests.
 * @param redisUrl Where it keeps sessions and streams; without it, in its memory.
 * @throws {Error} It ended before, or took too long.
 */
export function startFixture(redisUrl = ''): Promise<Fixture> {
  const script = fileURLToPath(new URL('fixture-server.js', import.meta.url));
  const child = track(
    fork(script, { env: { ...process.env, REDIS_URL: redisUrl }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }),
  );
  const output = collectOutput(child);
  const stop = () => void child.kill('SIGKILL');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`The fixture server did not start in ${startTimeoutMs} ms:\n${output()}`));
    }, startTimeoutMs);
    child.once('error', reject);
    child.once('message', ({ url }: FixtureReady) => {
      clearTimeout(timer);
      resolve({ url, output, stop });
    });
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      reject(new Error(`The fixture server ended with exit code ${exitCode}:\n${output()}`));
    });
  });
}
