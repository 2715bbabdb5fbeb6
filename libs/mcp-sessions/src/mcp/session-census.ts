import { Tally } from '../common/tally.js';
import { tooManyRequests, unavailable } from './mcp-request.errors.js';

/** Settings of {@link SessionCensus}. */
export interface SessionLimits {
  sessions: number;
  sessionsPerPrincipal: number;
}

interface KnownSession {
  principal: string | undefined;
  /** When this instance last saw a request of it, in milliseconds since the epoch. */
  seenAt: number;
}

/** The sessions that this instance has opened or served, and how many each principal has. */
export class SessionCensus {
  /** Longest unseen first. */
  private readonly known = new Map<string, KnownSession>();
  private readonly perPrincipal = new Tally();

  constructor(private readonly limits: SessionLimits) {}

  get size(): number {
    return this.known.size;
  }

  has(sessionId: string): boolean {
    return this.known.has(sessionId);
  }

  /** Whether this instance has served the session to this principal. */
  isOwnedBy(sessionId: string, principal: string | undefined): boolean {
    const session = this.known.get(sessionId);
    return session !== undefined && session.principal === principal;
  }

  /** Sessions that this instance has not seen since then. */
  *unseenSince(time: number): IterableIterator<string> {
    for (const [sessionId, { seenAt }] of this.known) {
      if (seenAt > time) return;
      yield sessionId;
    }
  }

  /** @throws McpRequestError one more session would be beyond a limit */
  admit(principal: string | undefined): void {
    if (this.known.size >= this.limits.sessions) {
      throw unavailable(`This server has reached its limit of ${this.limits.sessions} sessions`);
    }
    if (principal === undefined) return;
    if (this.perPrincipal.of(principal) >= this.limits.sessionsPerPrincipal) {
      throw tooManyRequests(`You have reached the limit of ${this.limits.sessionsPerPrincipal} sessions`);
    }
  }

  /** Notes that the session exists and is in use. */
  see(sessionId: string, principal: string | undefined, now = Date.now()): void {
    const isNew = !this.known.delete(sessionId);
    this.known.set(sessionId, { principal, seenAt: now });
    if (isNew && principal !== undefined) this.perPrincipal.add(principal);
  }

  /** Notes that a session, if it is known, is still in use here. */
  keep(sessionId: string, now = Date.now()): void {
    const session = this.known.get(sessionId);
    if (session) this.see(sessionId, session.principal, now);
  }

  /** @returns whether the session was known */
  remove(sessionId: string): boolean {
    const session = this.known.get(sessionId);
    if (!session) return false;
    this.known.delete(sessionId);
    if (session.principal !== undefined) this.perPrincipal.remove(session.principal);
    return true;
  }
}
