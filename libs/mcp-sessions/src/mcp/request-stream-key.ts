import { randomBytes } from 'node:crypto';
import type { RequestId } from './mcp-server.interface.js';

/** Ids longer than this together are left out of the key. */
const MAX_IDS_LENGTH = 256;
const SEPARATOR = '~';

/**
 * Makes the keys of request streams: unique in the cluster, and naming the requests that the stream answers, so
 * that a client which resumes a stream that was lost can still be told that no answer will come.
 */
export class RequestStreamKeys {
  private readonly prefix = randomBytes(6).toString('base64url');
  private made = 0;

  next(requestIds: RequestId[]): string {
    this.made += 1;
    const ids = JSON.stringify(requestIds);
    const suffix = ids.length <= MAX_IDS_LENGTH ? Buffer.from(ids).toString('base64url') : '';
    return `${this.prefix}${this.made.toString(36)}${SEPARATOR}${suffix}`;
  }
}

/** The ids of the requests that a stream answers; empty if the key does not say. */
export function requestIdsOf(key: string): RequestId[] {
  try {
    const ids: unknown = JSON.parse(
      Buffer.from(key.slice(key.indexOf(SEPARATOR) + 1), 'base64url').toString(),
    );
    if (!Array.isArray(ids)) return [];
    return ids.filter((id): id is RequestId => typeof id === 'string' || typeof id === 'number');
  } catch {
    return [];
  }
}
