/** A session as Redis keeps it. */
export interface RedisSessionRecord {
  isActive: boolean;
  /** Tells a record from the one that was there before. */
  revision: string;
  /** When the session ends unless it is used before, in milliseconds since the epoch. */
  end: number;
  /** The session's encoded id. */
  id: string;
  /** The session as its codec writes it. */
  text: string;
}

/**
 * A record as one string: a line with `a` (active) or `p` (pending), revision, end and id, and then the text. So a
 * plain command reads a session with all that tells whether it has ended.
 */
export function formatRecord({ isActive, revision, end, id, text }: RedisSessionRecord): string {
  return `${isActive ? 'a' : 'p'} ${revision} ${end} ${id}\n${text}`;
}

export function parseRecord(record: string): RedisSessionRecord {
  const endOfHeader = record.indexOf('\n');
  const [status, revision, end, id] = record.slice(0, endOfHeader).split(' ') as [
    string,
    string,
    string,
    string,
  ];
  return { isActive: status === 'a', revision, end: Number(end), id, text: record.slice(endOfHeader + 1) };
}
