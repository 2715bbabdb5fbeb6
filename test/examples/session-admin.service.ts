import { Inject, Injectable } from '@nestjs/common';
import { McpSessions, SESSION_STORE, type SessionStore } from 'nestjs-mcp-sessions';

@Injectable()
export class SessionAdmin {
  constructor(
    private readonly sessions: McpSessions,
    @Inject(SESSION_STORE) private readonly store: SessionStore,
  ) {}

  /** Tells every client that there are other tools now. */
  async toolsChanged(): Promise<void> {
    await this.sessions.notifyAll({ method: 'notifications/tools/list_changed' });
  }

  /** Ends the sessions of a user, on every transport. @returns how many there were */
  async signOut(principal: string): Promise<number> {
    let ended = 0;
    for await (const sessionId of this.sessions.list()) {
      const metadata = await this.store.get(sessionId);
      if (metadata?.principal !== principal) continue;
      await this.sessions.end(sessionId);
      ended += 1;
    }
    return ended;
  }
}
