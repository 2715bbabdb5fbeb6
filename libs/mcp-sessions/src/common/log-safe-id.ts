import { createHash } from 'node:crypto';

/**
 * A short hash that stands for a session id in logs. Session ids are credentials: whoever reads one can take
 * the session over, so no log line carries one.
 */
export function logSafeId(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('hex').slice(0, 8);
}
