import { afterEach, describe, expect, it } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Module, type INestApplication, type Type } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Notebook, textOf } from '../reference-server/support/notebook.js';
import { AppModule } from './app.module.js';
import { ConfiguredAppModule } from './configured-app.module.js';
import { PrincipalByHeaderModule } from './principal-by-header.module.js';
import { SessionAdmin } from './session-admin.service.js';
import { ROOT } from './support.js';

describe('examples', () => {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
  });

  async function start(module: Type, environment: Record<string, string> = {}): Promise<INestApplication> {
    const testing = await Test.createTestingModule({ imports: [module] })
      .overrideProvider(ConfigService)
      .useValue(new ConfigService(environment))
      .compile();
    const app = testing.createNestApplication({ forceCloseConnections: true, logger: ['error', 'warn'] });
    await app.listen(0, '127.0.0.1');
    cleanups.push(() => app.close());
    return app;
  }

  async function connect(
    app: INestApplication,
    path = '/mcp',
    headers: Record<string, string> = {},
  ): Promise<Client> {
    const client = new Client({ name: 'examples', version: '1.0.0' });
    const url = new URL((await app.getUrl()) + path);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    cleanups.push(() => client.close());
    return client;
  }

  it('app.module: each session remembers by itself', async () => {
    const app = await start(AppModule);
    const remember = async (client: Client, text: string): Promise<string> => {
      const answer = await client.callTool({ name: 'remember', arguments: { text } });
      return textOf(answer).replace('Remembered. Before it was: ', '');
    };
    const [one, other] = [await connect(app), await connect(app)];
    expect(await remember(one, 'milk')).toBe('nothing');
    expect(await remember(one, 'bread')).toBe('milk');
    expect(await remember(other, 'tea')).toBe('nothing');
  });

  it('configured-app.module: the store and the path are as configured', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'examples-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const file = join(directory, 'sessions.json');
    const app = await start(ConfiguredAppModule, { SESSIONS_FILE: file, SERVER_NAME: 'mine' });
    const client = await connect(app, '/ai/mcp');
    expect(client.getServerVersion()).toMatchObject({ name: 'mine' });
    await app.close();
    expect(await readFile(file, 'utf8')).toContain('examples');
  });

  it('session-admin.service: notifies all, and ends the sessions of one user', async () => {
    @Module({ imports: [PrincipalByHeaderModule], providers: [SessionAdmin] })
    class AdminModule {}
    const app = await start(AdminModule);
    const alice = await connect(app, '/mcp', { 'x-authenticated-user': 'alice' });
    const bob = await connect(app, '/mcp', { 'x-authenticated-user': 'bob' });
    expect(alice.getServerVersion()).toMatchObject({ name: 'for alice' });

    const admin = app.get(SessionAdmin);
    const notified = new Promise<void>((resolve) => {
      bob.setNotificationHandler('notifications/tools/list_changed', () => resolve());
    });
    await admin.toolsChanged();
    await notified;
    expect(await admin.signOut('alice')).toBe(1);
    await expect(alice.ping()).rejects.toThrow(/not found/i);
    await bob.ping();
  });

  it('notebook-client.mjs: runs against the reference server', async () => {
    const notebook = await Notebook.start();
    cleanups.push(() => notebook.stop());
    const { NODE_OPTIONS: _, ...env } = process.env;
    const script = join(ROOT, 'examples/notebook-client.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script, `${notebook.url}/mcp`], { env });
    expect(stdout).toContain('server asks: Delete the note "Groceries"?');
    expect(stdout).toContain('has changed');
    expect(stdout).toContain('progress: 1/1');
    expect(stdout).toContain('Deleted "Groceries"');
  });
});
