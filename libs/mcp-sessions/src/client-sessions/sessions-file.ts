import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { removeLeftovers, writeFileAtomically } from '../common/atomic-file.js';
import { errorCode, readIfPresent, setAside, textOf } from '../common/data-file.js';
import type { SessionRecord } from './session-table.js';
import {
  formatSessions,
  parseSessions,
  REVISION_BYTES,
  revisionOf,
  type SessionsFileContent,
} from './sessions-file-format.js';

/** Sessions hold credentials: the file is for its owner only. */
const FILE_MODE = 0o600;

/** The revision of a file that is not there. */
export const ABSENT = 'absent';

/** The revision of a file that another program wrote, which may be another one at any time. */
export const UNKNOWN = 'unknown';

/** The file that keeps the sessions of a `FileStorageBackend`. */
export class SessionsFile {
  private readonly logger = new Logger(SessionsFile.name);

  /**
   * @param path absolute
   * @param now the clock, in milliseconds since the epoch
   */
  constructor(
    readonly path: string,
    private readonly now: () => number,
  ) {}

  /** The file that whoever writes has to make first. */
  get lockPath(): string {
    return `${this.path}.lock`;
  }

  /** Tells one content of the file from another; or `ABSENT`, or `UNKNOWN`. @throws the file system's error */
  async revision(): Promise<string> {
    try {
      const file = await open(this.path, 'r');
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(REVISION_BYTES), 0, REVISION_BYTES, 0);
        return revisionOf(buffer.toString('utf8', 0, bytesRead)) ?? UNKNOWN;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return ABSENT;
      throw error;
    }
  }

  /** What is in the file; `undefined` if it is damaged. @throws the file system's error */
  async read(): Promise<SessionsFileContent | undefined> {
    const bytes = await readIfPresent(this.path);
    if (!bytes) return { records: [], foreign: [] };
    const text = textOf(bytes);
    return text === undefined ? undefined : parseSessions(text);
  }

  /**
   * Replaces the file's content, durably.
   *
   * @param beforeItCounts called when all is written, but the file does not have its name yet; may still throw
   * @returns the revision of the new content
   * @throws the file system's error; the former content is then still there
   */
  async write(records: Iterable<SessionRecord>, beforeItCounts: () => Promise<void>): Promise<string> {
    const revision = randomUUID();
    const content = async function* (): AsyncGenerator<string, void, undefined> {
      yield* formatSessions(records, revision);
      await beforeItCounts();
    };
    await writeFileAtomically(this.path, content(), FILE_MODE);
    return revision;
  }

  /** Moves the damaged file away, whole, and says so. @throws the file system's error */
  async setAside(): Promise<void> {
    const aside = await setAside(this.path, this.now());
    // Not a word of the content: it holds credentials.
    this.logger.error(
      `${this.path} is damaged or not a file of sessions. It was set aside as ${aside}; there are no sessions now`,
    );
  }

  /** Removes what killed processes left behind. */
  async tidyUp(): Promise<void> {
    try {
      // Files have their age from the system's clock, whatever clock the sessions have.
      await removeLeftovers(this.path, Date.now());
      await removeLeftovers(this.lockPath, Date.now());
    } catch (error) {
      this.logger.warn(`Could not remove leftovers beside ${this.path}: ${String(error)}`);
    }
  }
}
