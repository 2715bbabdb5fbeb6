import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const START_TIMEOUT_MS = 20_000;

const running = new Set();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A process that ends with this one. */
export class ManagedProcess {
  /**
   * It has a process group of its own, so that the Ctrl-C of a terminal reaches this process alone, which then ends the
   * others in good order.
   *
   * @param {string} command the program
   * @param {string[]} args its arguments
   * @param {object} [options]
   * @param {NodeJS.ProcessEnv} [options.env] its environment; default: that of this process
   */
  constructor(command, args, { env = process.env } = {}) {
    this.child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.lines = [this.child.stdout, this.child.stderr].map((input) => createInterface({ input }));
    running.add(this.child);
    /** Resolves when it has ended, and says how; rejects if it could not be started at all. */
    this.ended = once(this.child, 'exit')
      .then(([code, signal]) => signal ?? `exit code ${code}`)
      .finally(() => running.delete(this.child));
    this.ended.catch(() => undefined); // who waits for it to be ready is told
  }

  get pid() {
    return this.child.pid;
  }

  /**
   * @param {RegExp} pattern what a line says when the process is of use
   * @returns {Promise<RegExpExecArray>}
   * @throws {Error} it could not be started (`code`: `ENOENT` if there is no such program), ended, or took too long; the
   *   message has all that it wrote
   */
  ready(pattern) {
    const written = [];
    let look, timer;
    const found = new Promise((resolve, reject) => {
      const fail = (reason) => reject(new Error([reason, ...written].join('\n')));
      look = (line) => {
        written.push(line);
        const match = pattern.exec(line);
        if (match) resolve(match);
      };
      for (const lines of this.lines) lines.on('line', look);
      timer = setTimeout(() => fail(`It did not start in ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      this.ended.then((how) => fail(`It ended with ${how}`), reject);
    });
    return found.finally(() => {
      clearTimeout(timer);
      for (const lines of this.lines) lines.off('line', look);
    });
  }

  /** Hands each line that it writes from now on to `listener`. */
  eachLine(listener) {
    for (const lines of this.lines) lines.on('line', listener);
  }

  /** Asks it to end, and kills it if it has not ended after `graceMs`. */
  async stop(graceMs) {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    this.child.kill('SIGTERM');
    await this.ended;
    clearTimeout(timer);
  }
}
