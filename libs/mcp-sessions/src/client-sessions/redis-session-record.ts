/** A session as Redis keeps it. */
export interface RedisSessionRecord {
  isActive: boolean;
  /** Tells a record from the one that was there before. */
  revision: string;
  /** When the session ends unless it is used before, in milliseconds since the epoch. */
  end: number;
  /** The session's encoded id. */
  id: string;
  /** What all credentials of the record are sealed with: see `SecretCipher.sealer`. */
  sealer: string;
  /** When it was last updated, in milliseconds since the epoch; absent before the first update. */
  updatedAt?: number;
  /** The other fields: see `RedisSessionCodec`. */
  text: string;
}

/** A change of a record, which a script makes without anybody having read the record. */
export interface RedisSessionPatch {
  /** The session's encoded id. */
  id: string;
  /** The revision that the record gets. */
  revision: string;
  /** Absent: it stays what it is. */
  isActive?: boolean;
  /** The revision that the record has to have. Absent: any, but its credentials have to be sealed as they are now. */
  read?: string;
  /** The names of the fields that change, as `RedisSessionCodec` writes them. */
  names: string[];
  /** The lines of those that are not cleared. */
  lines: string;
}

/** The header, and the words in it. */
type Words = [string, string, string, string, string, string, string];

const HEADER = /^([ap]) ([\w.-]+) (-?\d+\.?\d*) (\S+) (\S+) (-|\d+\.?\d*)\n/;

/** Stands for what is absent where words are counted. */
const ABSENT = '-';

/**
 * A record as one string: its header, which is a line with `a` (active) or `p` (pending), revision, end, id, sealer and
 * `updatedAt`; and then the text. So a plain command reads a session with all that tells whether it has ended.
 */
export function formatRecord(record: RedisSessionRecord): string {
  const { isActive, revision, end, id, sealer, updatedAt = ABSENT, text } = record;
  return `${statusOf(isActive)} ${revision} ${end} ${id} ${sealer} ${updatedAt}\n${text}`;
}

/** The record of such a string; `undefined` if it is damaged. */
export function parseRecord(record: string): RedisSessionRecord | undefined {
  const header = HEADER.exec(record);
  if (!header) return undefined;
  const [{ length }, status, revision, end, id, sealer, updatedAt] = header as unknown as Words;
  return {
    isActive: status === 'a',
    revision,
    end: Number(end),
    id,
    sealer,
    updatedAt: updatedAt === ABSENT ? undefined : Number(updatedAt),
    text: record.slice(length),
  };
}

/** A patch as the script takes it. */
export function formatPatch(patch: RedisSessionPatch): [change: string, lines: string] {
  const { id, revision, isActive, read = ABSENT, names, lines } = patch;
  const status = isActive === undefined ? ABSENT : statusOf(isActive);
  return [`${id} ${revision} ${status} ${read} ${names.join(' ')}`, lines];
}

function statusOf(isActive: boolean): string {
  return isActive ? 'a' : 'p';
}
