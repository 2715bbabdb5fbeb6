import { describe, expect, it } from '@jest/globals';
import { ConfigService } from '@nestjs/config';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenAddress } from '../../src/listen-address.js';
import { cleanUpLater } from '../support/clean-up.js';
import { NotebookProcess } from './support/notebook-process.js';

describe('listenAddress', () => {
  it.each([
    [
      { PORT: '', HOST: '' },
      { port: 3_000, host: '127.0.0.1' },
    ],
    [
      { PORT: '0', HOST: '0.0.0.0' },
      { port: 0, host: '0.0.0.0' },
    ],
    [
      { PORT: '65535', HOST: 'localhost' },
      { port: 65_535, host: 'localhost' },
    ],
  ])('reads %j', (environment, address) => {
    expect(listenAddress(new ConfigService(environment))).toEqual(address);
  });

  it.each(['abc', '-1', '1.5', '65536', '0x50', ' '])('refuses the port "%s"', (PORT) => {
    expect(() => listenAddress(new ConfigService({ PORT }))).toThrow('PORT must be a whole number');
  });
});

describe('a server that cannot listen', () => {
  async function start(options: { port?: string; host?: string }): Promise<NotebookProcess> {
    const cwd = await mkdtemp(join(tmpdir(), 'notebook-'));
    cleanUpLater(() => rm(cwd, { recursive: true }));
    return NotebookProcess.start({ cwd, ...options });
  }

  it.each([
    [{ port: 'abc' }, /PORT must be a whole number from 0 to 65535.* it is "abc"\.$/],
    [{ host: 'http://127.0.0.1' }, /HOST and PORT: .*http:\/\/127\.0\.0\.1/],
  ])('ends and says why in a sentence: %j', async (options, sentence) => {
    const failure = await start(options).then(
      () => undefined,
      (error: Error) => error.message.trimEnd(),
    );
    expect(failure).toMatch(/^The server ended with 1:/);
    expect(failure).toMatch(sentence);
    expect(failure).not.toContain('    at ');
  });

  it('says so when the port is taken', async () => {
    const server = await start({});
    cleanUpLater(() => server.stop());
    await expect(start({ port: server.port })).rejects.toThrow(/HOST and PORT: .*EADDRINUSE/);
  });
});
