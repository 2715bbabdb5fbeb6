import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStorageBackend } from '../../libs/mcp-sessions/src/client-sessions/file-storage-backend.js';
import { cleanUpLater } from '../support/clean-up.js';
import { CompiledSources } from './support/compiled-sources.js';

const BEGINNING = `
import { FileStorageBackend } from './client-sessions/file-storage-backend.js';
const sessions = new FileStorageBackend({ path: process.argv[2] });
const session = (sessionId) => ({
  sessionId, userId: 'user', serverUrl: 'https://mcp.example.com', callbackUrl: 'https://app.example.com',
  transportType: 'sse', status: 'active', createdAt: Date.now(), metadata: { text: 'x'.repeat(2_000) },
});
`;

/** Creates sessions of its own and changes one that all share, as fast as it can. */
const WRITER = `${BEGINNING}
const [, , , name, count] = process.argv;
for (let index = 0; index < count; index += 1) {
  await sessions.create(session(name + ' ' + index));
  await sessions.update('user', 'shared', { [name]: String(index) });
}
console.log('done');
`;

/** Creates sessions for ever, a few at a time, and tells of each that is durable. */
const ENDLESS_WRITER = `${BEGINNING}
for (let index = 0; ; index += 3) {
  await Promise.all([0, 1, 2].map((part) => sessions.create(session(process.pid + ' ' + (index + part)))));
  console.log(index + 3);
}
`;

/** Takes the lock of the file and does not let go. */
const HOLDER = `
import { FileLock } from './client-sessions/file-lock.js';
await new FileLock(process.argv[2] + '.lock').withLock(async () => {
  console.log('held');
  await new Promise((resolve) => setTimeout(resolve, 1_000_000));
});
`;

describe('FileStorageBackend in many processes', () => {
  let sources: CompiledSources;
  let directory: string;
  let path: string;

  beforeAll(async () => {
    sources = await CompiledSources.of('common', 'client-sessions');
  });

  afterAll(() => sources.dispose());

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sessions-'));
    path = join(directory, 'sessions.json');
  });

  afterEach(() => rm(directory, { recursive: true }));

  const shared = {
    sessionId: 'shared',
    userId: 'user',
    serverUrl: 'x',
    callbackUrl: 'x',
    createdAt: Date.now(),
  };

  it('keeps what all of them store', async () => {
    const sessions = new FileStorageBackend({ path });
    await sessions.create({ ...shared, transportType: 'sse', status: 'active' });
    const names = ['one', 'two', 'three'];
    const writers = await Promise.all(names.map((name) => sources.run(WRITER, path, name, '40')));
    for (const writer of writers) expect(await writer.line()).toBe('done');
    expect(await sessions.listIds('user')).toHaveLength(3 * 40 + 1);
    expect(await sessions.get('user', 'shared')).toMatchObject({ one: '39', two: '39', three: '39' });
  });

  it('loses nothing that was durable when processes are killed, and is not held up by their locks', async () => {
    for (let round = 0; round < 6; round += 1) {
      const writer = await sources.run(ENDLESS_WRITER, path);
      let durable = 0;
      for (let lines = 0; lines < 3; lines += 1) durable = Number(await writer.line());
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      await writer.kill();
      const sessions = new FileStorageBackend({ path });
      const ids = (await sessions.listIds('user')).filter((id) => id.startsWith(`${writer.pid} `));
      expect(ids.length).toBeGreaterThanOrEqual(durable);
      const startedAt = Date.now();
      await sessions.delete('user', ids[0]!);
      expect(Date.now() - startedAt).toBeLessThan(2_000);
    }
    const names = await readdir(directory);
    expect(names.filter((name) => name.includes('corrupt'))).toEqual([]);
  });

  it('takes the lock of a dead process over at once, and waits for that of a living one', async () => {
    const holder = await sources.run(HOLDER, path);
    cleanUpLater(() => holder.kill());
    expect(await holder.line()).toBe('held');
    const sessions = new FileStorageBackend({ path });
    let isCreated = false;
    const creating = sessions.create({ ...shared, transportType: 'sse' }).then(() => (isCreated = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isCreated).toBe(false);
    expect(await sessions.list('user')).toEqual([]);
    const startedAt = Date.now();
    await holder.kill();
    await creating;
    expect(Date.now() - startedAt).toBeLessThan(2_000);
    expect((await readdir(directory)).toSorted()).toEqual(['sessions.json']);
  });
});
