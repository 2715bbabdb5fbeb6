import type { SessionMetadata, SessionStore } from 'nestjs-mcp-sessions';

/** The least that a session store has to be. Records are JSON text, so that nobody holds a reference into them. */
export class MapSessionStore implements SessionStore {
  private readonly records = new Map<string, string>();

  async get(sessionId: string): Promise<SessionMetadata | null> {
    const json = this.records.get(sessionId);
    return json === undefined ? null : (JSON.parse(json) as SessionMetadata);
  }

  async set(sessionId: string, data: SessionMetadata): Promise<void> {
    this.records.set(sessionId, JSON.stringify(data));
  }

  async delete(sessionId: string): Promise<void> {
    this.records.delete(sessionId);
  }

  async has(sessionId: string): Promise<boolean> {
    return this.records.has(sessionId);
  }

  async keys(): Promise<string[]> {
    return [...this.records.keys()];
  }
}
