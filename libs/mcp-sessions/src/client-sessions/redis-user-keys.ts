import { createHash } from 'node:crypto';
import { assertKeepsHashTags, decodeKeyPart, encodeKeyPart, escapeGlob } from '../redis/redis-keys.js';

/** Parts of the index of users in a Cluster, so that its load is spread. Changing this loses the entries. */
const CLUSTER_INDEX_PARTS = 16;

/** The names of the keys of a `RedisStorageBackend`. All keys of one user have its hash tag, and so one slot. */
export class RedisUserKeys {
  /** The parts of the index of users by the earliest end of their sessions. */
  readonly index: string[];
  /** A glob pattern that the hashes of all users match, and a few other keys may. */
  readonly matchPattern: string;

  /** @throws InvalidConfigurationError the prefix is one that a Cluster cannot have */
  constructor(
    private readonly prefix: string,
    isCluster: boolean,
  ) {
    if (isCluster) assertKeepsHashTags(prefix);
    const parts = isCluster ? CLUSTER_INDEX_PARTS : 1;
    this.index = Array.from({ length: parts }, (_, part) => `${prefix}index:{${part}}`);
    this.matchPattern = `${escapeGlob(prefix)}{*}:sessions`;
  }

  /** A user or session id as it stands in keys, fields and members. */
  encode(id: string): string {
    return encodeKeyPart(id);
  }

  /** The id that was encoded. */
  decode(part: string): string {
    return decodeKeyPart(part)!;
  }

  /** The hash of a user's sessions, and the sorted set of their ends. @param user encoded */
  sessions(user: string): { hash: string; ends: string } {
    return { hash: `${this.prefix}{${user}}:sessions`, ends: `${this.prefix}{${user}}:ends` };
  }

  /** The same two in the order in which the scripts take them. */
  both(user: string): [hash: string, ends: string] {
    const { hash, ends } = this.sessions(user);
    return [hash, ends];
  }

  /** The lock of a session. @param user encoded @param session encoded */
  lock(user: string, session: string): string {
    return `${this.prefix}{${user}}:lock:${session}`;
  }

  /** The part of the index that a user is in. @param user encoded */
  indexOf(user: string): string {
    if (this.index.length === 1) return this.index[0]!;
    return this.index[createHash('sha1').update(user).digest()[0]! % this.index.length]!;
  }

  /** The encoded user of a hash of sessions; `undefined` if the key is something else. */
  userOf(key: string): string | undefined {
    const [start, end] = [`${this.prefix}{`, '}:sessions'];
    if (!key.startsWith(start) || !key.endsWith(end)) return undefined;
    const user = key.slice(start.length, -end.length);
    return decodeKeyPart(user) === undefined ? undefined : user;
  }
}
