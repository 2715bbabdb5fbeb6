import { open, readFile, rename } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
import { removeLeftovers, writeFileAtomically } from './atomic-file.js';
import { formatSessionFile, parseSessionFile, type SessionFileContent } from './session-file-format.js';
import type { SessionRecord } from './session-record.js';

/** Session ids are credentials: the file is for its owner only. */
const FILE_MODE = 0o600;

/** How many unreadable records one log line names. */
const NAMED_RECORDS = 5;

/** The file that keeps the sessions of a {@link FileSystemSessionStore}. */
export class SessionFile {
  private readonly logger = new Logger(SessionFile.name);

  /**
   * @param path absolute
   * @param now the clock, in milliseconds since the epoch
   */
  constructor(
    readonly path: string,
    private readonly now: () => number,
  ) {}

  /**
   * The sessions in the file; none if there is no file. A file that is damaged, or no session file, is set aside
   * whole under another name and reported, and there are none.
   *
   * @throws the file system's error if the file may be there but cannot be read, or not be set aside
   */
  async read(): Promise<SessionFileContent['records']> {
    const bytes = await this.readBytes();
    await this.tidyUp();
    if (!bytes) return [];
    const text = decode(bytes);
    const content = text === undefined ? undefined : parseSessionFile(text);
    if (!content) {
      await this.setAside(bytes.length);
      return [];
    }
    if (content.unreadable.length > 0) this.reportUnreadable(content.unreadable);
    return content.records;
  }

  /**
   * Replaces the file's content by these sessions, durably.
   *
   * @throws the file system's error; the former content is then still there
   */
  async write(
    sessionIds: Iterable<string>,
    find: (sessionId: string) => SessionRecord | undefined,
  ): Promise<void> {
    await writeFileAtomically(this.path, formatSessionFile(sessionIds, find), FILE_MODE);
  }

  private async readBytes(): Promise<Buffer | undefined> {
    try {
      return await readFile(this.path);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  private async setAside(size: number): Promise<void> {
    const aside = await reserveName(`${this.path}.corrupt-${timestamp(this.now())}`);
    await rename(this.path, aside);
    // Not a word of the content: it holds session ids.
    this.logger.error(
      `${this.path} (${size} bytes) is damaged or not a session file. ` +
        `It was set aside as ${aside}; the store starts without sessions`,
    );
  }

  private reportUnreadable(sessionIds: (string | undefined)[]): void {
    const named = sessionIds
      .slice(0, NAMED_RECORDS)
      .map((sessionId) => (sessionId === undefined ? 'one without an id' : logSafeId(sessionId)));
    const more = sessionIds.length > NAMED_RECORDS ? ', …' : '';
    this.logger.warn(
      `Skipped ${sessionIds.length} unreadable sessions in ${this.path}: ${named.join(', ')}${more}`,
    );
  }

  private async tidyUp(): Promise<void> {
    try {
      await removeLeftovers(this.path, this.now());
    } catch (error) {
      this.logger.warn(`Could not remove leftovers beside ${this.path}: ${String(error)}`);
    }
  }
}

/** Makes an empty file whose name no other has, so that moving a file there overwrites nothing. */
async function reserveName(name: string): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const candidate = attempt === 0 ? name : `${name}-${attempt}`;
    try {
      await (await open(candidate, 'wx', FILE_MODE)).close();
      return candidate;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** An ISO date in characters that every file system takes. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[:.]/g, '-');
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    // A file that is merely too large is not damaged.
    if (errorCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return undefined;
    throw error;
  }
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
