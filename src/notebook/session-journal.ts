import type { McpSessions } from 'nestjs-mcp-sessions';

/** The notebook's own data of a session: plain JSON, stored with it, so that it survives restarts. */
export interface NotebookSessionData {
  /** When the session was opened, as an ISO date. */
  openedAt?: string;
  /** Ids of the notes that it added, latest last. */
  addedNotes?: string[];
}

/** Older entries are dropped: what a session keeps is to stay small. */
const MAX_ADDED_NOTES = 100;

/** What the notebook remembers about one session. */
export class SessionJournal {
  private written: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly sessions: McpSessions,
    private readonly sessionId: string,
  ) {}

  read(): Promise<NotebookSessionData> {
    return this.sessions.getData(this.sessionId);
  }

  /** One after the other, because `setData` replaces all there is. */
  noteAdded(noteId: string): Promise<void> {
    const writing = this.written.then(async () => {
      const data = await this.read();
      const addedNotes = [...(data.addedNotes ?? []), noteId].slice(-MAX_ADDED_NOTES);
      await this.sessions.setData(this.sessionId, { ...data, addedNotes });
    });
    this.written = writing.catch(() => undefined);
    return writing;
  }
}
