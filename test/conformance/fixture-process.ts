import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { collectOutput, track } from './child-process.js';
import type { FixtureReady } from './fixture-server.js';

const startTimeoutMs = 20_000;

/** A fixture server in a process of its own. */
export interface FixtureProcess {
  /** Where it answers. */
  url: string;
  /** Everything it has written. */
  output: () => string;
  /** Ends it. */
  stop: () => void;
}

/**
 * Starts a fixture server on a free port, and returns once it takes requests.
 * @throws {Error} It ended before, or took too long.
 */
export function startFixture(): Promise<FixtureProcess> {
  const script = fileURLToPath(new URL('fixture-server.js', import.meta.url));
  const child = track(fork(script, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
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
