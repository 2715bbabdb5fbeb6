import type { SessionsOptions } from '../client-sessions/sessions-options.interface.js';
import type { Session, Sessions } from '../client-sessions/sessions.interface.js';

/** What a case has: a repository of its own, whose time stands still but for `pass`. */
export interface SessionsCase {
  sessions: Sessions;
  /** Another instance on the same storage, or the same one if there are no others. Its options may differ. */
  peer: (options?: SessionsOptions) => Promise<Sessions>;
  /** Lets time pass. */
  pass: (ms: number) => void;
  now: () => number;
  readStorage: (() => Promise<string>) | undefined;
}

/** Declares `name`, and runs `work` on a repository of its own. */
export type DeclareSessionsCase = (
  name: string,
  work: (sessionsCase: SessionsCase) => Promise<void>,
  options?: SessionsOptions,
) => void;

/** The lifetimes of the repositories that the suite makes, unless a case says otherwise. */
export const PENDING_TTL_MS = 600_000;
export const DORMANT_AFTER_MS = 30 * 86_400_000;

/** A session with what has to be there, active and made now unless `fields` say otherwise. */
export function sessionOf(sessionsCase: Pick<SessionsCase, 'now'>, fields: Partial<Session> = {}): Session {
  return {
    sessionId: 'session',
    userId: 'user',
    serverUrl: 'https://mcp.example.com/mcp',
    callbackUrl: 'https://app.example.com/callback',
    transportType: 'streamable-http',
    status: 'active',
    createdAt: sessionsCase.now(),
    ...fields,
  };
}
