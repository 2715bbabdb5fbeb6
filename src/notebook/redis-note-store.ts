import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { NoteStore } from './note-store.js';
import type { Note } from './note.js';

/** A hash: the field is the note's id, the value the note as JSON. */
const KEY = 'notebook:notes';
const TIMEOUT_MS = 5_000;

// Scripts, because another instance may write between a look and a write.
const ADD = `
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return 1`;
const REPLACE = `
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return 1`;

/** The notes that all instances share. */
export class RedisNoteStore implements NoteStore, OnApplicationShutdown {
  private readonly logger = new Logger(RedisNoteStore.name);
  private readonly redis: Redis;

  /** @param url `redis://` or `rediss://` */
  constructor(url: string) {
    this.redis = new Redis(url, {
      lazyConnect: true,
      // A request fails soon while Redis is away, instead of waiting for it.
      maxRetriesPerRequest: 1,
      commandTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
    });
    // Every attempt to reconnect reports an error; the log gets the first.
    let isAway = false;
    this.redis.on('error', (error: Error) => {
      if (!isAway) this.logger.error(`Redis cannot be reached: ${error.message}`);
      isAway = true;
    });
    this.redis.on('ready', () => (isAway = false));
  }

  async get(id: string): Promise<Note | undefined> {
    const note = await this.redis.hget(KEY, id);
    return note === null ? undefined : parse(note);
  }

  async list(): Promise<Note[]> {
    return (await this.redis.hvals(KEY)).map(parse);
  }

  async add(note: Note, limit: number): Promise<boolean> {
    return (await this.redis.eval(ADD, 1, KEY, note.id, JSON.stringify(note), limit)) === 1;
  }

  async replace(note: Note): Promise<boolean> {
    return (await this.redis.eval(REPLACE, 1, KEY, note.id, JSON.stringify(note))) === 1;
  }

  async delete(id: string): Promise<boolean> {
    return (await this.redis.hdel(KEY, id)) === 1;
  }

  /** Not earlier: until here, requests in progress may still use it. */
  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}

function parse(note: string): Note {
  return JSON.parse(note) as Note;
}
