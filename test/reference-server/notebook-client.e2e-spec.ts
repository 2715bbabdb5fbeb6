import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../support/redis/free-port.js';
import { Notebook } from './support/notebook.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/notebook-client.mjs', import.meta.url));

/** Runs the example, which is to fail. @returns what it wrote to stderr */
async function failureAt(url: string): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const run = promisify(execFile)(process.execPath, [EXAMPLE, url], { env });
  return run.then(
    () => 'It did not fail.',
    ({ code, stderr }: { code: number; stderr: string }) => `${code}: ${stderr}`,
  );
}

it.each(['127.0.0.1', 'localhost'])('says in a sentence that no server is there, at %s', async (host) => {
  const url = `http://${host}:${await freePort()}/mcp`;
  expect(await failureAt(url)).toMatch(/^1: The notebook at http\S+ could not be used: .*ECONNREFUSED.*\n$/);
});

it('says in a sentence what the server refuses', async () => {
  const notebook = await Notebook.start({ NOTEBOOK_TOKENS: 'secret:alice' });
  try {
    expect(await failureAt(`${notebook.url}/mcp`)).toMatch(
      /^1: The notebook at http\S+ could not be used: .*Unauthorized.*\n$/,
    );
  } finally {
    await notebook.stop();
  }
});
