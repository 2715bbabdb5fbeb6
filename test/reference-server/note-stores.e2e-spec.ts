import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InMemoryNoteStore } from '../../src/notebook/in-memory-note-store.js';
import type { Note } from '../../src/notebook/note.js';
import type { NoteStore } from '../../src/notebook/note-store.js';
import { RedisNoteStore } from '../../src/notebook/redis-note-store.js';
import { cleanUpLater } from '../support/clean-up.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { addNote, Notebook, textOf } from './support/notebook.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.dispose());

function note(id: string, text = 'Milk'): Note {
  return { id, title: 'Groceries', text, addedAt: 1, addedBy: 'somebody' };
}

const stores: [string, () => NoteStore][] = [
  ['InMemoryNoteStore', () => new InMemoryNoteStore()],
  [
    'RedisNoteStore',
    () => {
      const store = new RedisNoteStore(redis.url);
      cleanUpLater(async () => {
        for (const { id } of await store.list()) await store.delete(id);
        store.onApplicationShutdown();
      });
      return store;
    },
  ],
];

describe.each(stores)('%s', (_, createStore) => {
  it('gives back what was added', async () => {
    const store = createStore();
    expect(await store.add(note('a'), 10)).toBe(true);
    expect(await store.add(note('__proto__', 'ä "quoted"\n'), 10)).toBe(true);

    expect(await store.get('__proto__')).toEqual(note('__proto__', 'ä "quoted"\n'));
    expect(await store.get('none')).toBeUndefined();
    expect((await store.list()).map(({ id }) => id).toSorted()).toEqual(['__proto__', 'a']);
  });

  it('adds no note beyond the limit, also when many are added at once', async () => {
    const store = createStore();
    const added = await Promise.all(['a', 'b', 'c', 'd'].map((id) => store.add(note(id), 2)));
    expect(added.filter(Boolean)).toHaveLength(2);
    expect(await store.list()).toHaveLength(2);
  });

  it('replaces and deletes what is there, and says when it is not', async () => {
    const store = createStore();
    await store.add(note('a'), 10);
    expect(await store.replace(note('a', 'Bread'))).toBe(true);
    expect(await store.get('a')).toEqual(note('a', 'Bread'));

    expect(await store.delete('a')).toBe(true);
    expect(await store.delete('a')).toBe(false);
    expect(await store.replace(note('a', 'Tea'))).toBe(false);
    expect(await store.list()).toEqual([]);
  });
});

describe('the notes of a notebook whose sessions are in Redis', () => {
  it.each(['MCP_SESSIONS_REDIS_URL', 'REDIS_URL'])(
    'outlive it, and are at the address in %s',
    async (variable) => {
      const environment = {
        MCP_SESSIONS_STORE: 'redis',
        MCP_SESSIONS_STREAM: 'redis',
        [variable]: redis.url,
      };
      const former = await Notebook.start(environment);
      const id = await addNote(await former.connect(), variable);
      await former.stop();

      const notebook = await Notebook.start(environment);
      cleanUpLater(() => notebook.stop());
      const client = await notebook.connect();
      const found = await client.callTool({ name: 'search_notes', arguments: { query: variable } });
      expect(textOf(found)).toContain(`note://${id} ${variable}`);
    },
  );
});
