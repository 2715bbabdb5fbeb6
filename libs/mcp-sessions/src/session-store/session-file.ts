import { stat } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { removeLeftovers, writeFileAtomically } from '../common/atomic-file.js';
import { readIfPresent, setAside, textOf } from '../common/data-file.js';
import { logSafeId } from '../common/log-safe-id.js';
import { formatSessionFile, parseSessionFile, type SessionFileContent } from './session-file-format.js';
import type { SessionRecord } from './session-record.js';

/** Session ids are credentials: the file is for its owner only. */
const FILE_MODE = 0o600;

/** How many unreadable records one log line names. */
const NAMED_RECORDS = 5;

/** The file that keeps the sessions of a {@link FileSystemSessionStore}. */
export class SessionFile {
  private readonly logger = new Logger(SessionFile.name);
  /** Which file this process has read or written last; `undefined` if there was none. */
  private known: string | undefined;
  private isShared = false;

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
    const bytes = await readIfPresent(this.path);
    this.known = await this.identity();
    await this.tidyUp();
    if (!bytes) return [];
    const text = textOf(bytes);
    const content = text === undefined ? undefined : parseSessionFile(text);
    if (!content) {
      await this.setDamagedAside(bytes.length);
      return [];
    }
    if (content.unreadable.length > 0) this.reportUnreadable(content.unreadable);
    return content.records;
  }

  /**
   * Replaces the file's content by these sessions, durably. That another process has written the file meanwhile is
   * reported, once: what it had stored is replaced all the same.
   *
   * @throws the file system's error; the former content is then still there
   */
  async write(
    sessionIds: Iterable<string>,
    find: (sessionId: string) => SessionRecord | undefined,
  ): Promise<void> {
    await this.reportOthers();
    await writeFileAtomically(this.path, formatSessionFile(sessionIds, find), FILE_MODE);
    this.known = await this.identity();
  }

  private async reportOthers(): Promise<void> {
    if (this.isShared) return;
    const found = await this.identity();
    if (found === undefined || found === this.known) return;
    this.isShared = true;
    this.logger.error(
      `Another process writes ${this.path}, too: each of them loses the other's sessions. ` +
        'Give each process a file of its own, keep sessions in memory in tests, or in Redis for many instances',
    );
  }

  /** Tells one content of the file from the next: each is a file of its own. */
  private async identity(): Promise<string | undefined> {
    try {
      const { ino, mtimeNs } = await stat(this.path, { bigint: true });
      return `${ino} ${mtimeNs}`;
    } catch {
      return undefined; // there is none, or reading and writing it fail, too, and say why
    }
  }

  private async setDamagedAside(size: number): Promise<void> {
    const aside = await setAside(this.path, this.now());
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
