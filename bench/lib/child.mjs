import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BENCH = fileURLToPath(new URL('..', import.meta.url));

/**
 * @typedef {object} Child
 * @property {any} info What the child said when it was ready.
 * @property {(command: string, payload?: unknown, timeoutMs?: number) => Promise<any>} call
 * @property {() => void} pause The process stands still until `resume`.
 * @property {() => void} resume
 * @property {() => Promise<void>} stop
 */

/** The environment of a user who has set nothing. */
function plainEnvironment() {
  const { NODE_ENV, NODE_OPTIONS, ...env } = process.env;
  const names = Object.keys(env).filter((name) => !/^(npm_|MCP_)/i.test(name));
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}

/**
 * Starts a script of this folder in a process of its own, and waits until it is ready for commands.
 * @param {string} script Relative to `bench/`.
 * @param {{ execArgv?: string[], env?: Record<string, string>, readyTimeoutMs?: number }} [options]
 * @returns {Promise<Child>}
 */
export async function startChild(script, { execArgv = [], env = {}, readyTimeoutMs = 60_000 } = {}) {
  const child = fork(`${BENCH}${script}`, [], {
    execArgv,
    env: { ...plainEnvironment(), ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let lastId = 0;
  let gone = false;

  child.on('message', (/** @type {any} */ { id, result, error }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(`${script}: ${error}`));
    else call?.resolve(result);
  });
  child.on('exit', (code, signal) => {
    gone = true;
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended (${signal ?? code})`));
    waiting.clear();
  });

  /** @param {number} id @param {string} what @param {number} timeoutMs */
  const answer = (id, what, timeoutMs) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new Error(`${script}: no answer to ${what} in ${timeoutMs} ms`));
      }, timeoutMs);
      waiting.set(id, {
        resolve: (value) => (clearTimeout(timer), resolve(value)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      });
    });

  const stop = async () => {
    if (gone) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };

  try {
    const info = await answer(0, 'start', readyTimeoutMs);
    return {
      info,
      stop,
      pause: () => void child.kill('SIGSTOP'),
      resume: () => void child.kill('SIGCONT'),
      call: (command, payload, timeoutMs = 120_000) => {
        if (gone) return Promise.reject(new Error(`${script} has ended`));
        const reply = answer(++lastId, command, timeoutMs);
        child.send({ id: lastId, command, payload });
        return reply;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Runs `work` with children that are stopped afterwards, come what may.
 * @template T
 * @param {(start: typeof startChild) => Promise<T>} work
 */
export async function withChildren(work) {
  /** @type {Child[]} */
  const children = [];
  try {
    return await work(async (script, options) => {
      const child = await startChild(script, options);
      children.push(child);
      return child;
    });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
