import { InvalidConfigurationError } from '../common/errors.js';
import type { SessionsOptions } from './sessions-options.interface.js';
import { InvalidSessionError } from './sessions.errors.js';
import type { Session } from './sessions.interface.js';

/** How long sessions live, in milliseconds. */
export interface SessionLifetimes {
  pendingTtlMs: number;
  dormantAfterMs: number;
}

/** The recorded use of a session is out of date by no more than this, in milliseconds. */
const RECORDED_USE_MS = 3_600_000;

const REQUIRED_TEXTS = ['sessionId', 'userId', 'serverUrl', 'callbackUrl'] as const;

/** Some 140,000 years: Redis adds the time of day to a lifetime, in 64 bits. */
const LONGEST_LIFETIME_MS = 2 ** 52;

/**
 * The lifetimes that the options give.
 *
 * @throws InvalidConfigurationError a lifetime is not a positive number, or longer than Redis can count
 */
export function lifetimesOf(options: SessionsOptions): SessionLifetimes {
  const { pendingTtlMs = 600_000, dormantAfterMs = 2_592_000_000 } = options;
  for (const [name, value] of Object.entries({ pendingTtlMs, dormantAfterMs })) {
    if (!(value > 0 && value <= LONGEST_LIFETIME_MS)) {
      const allowed = `a positive number of milliseconds, at most ${LONGEST_LIFETIME_MS}`;
      throw new InvalidConfigurationError(`${name} must be ${allowed}`);
    }
  }
  return { pendingTtlMs, dormantAfterMs };
}

/**
 * A session as it is stored first.
 *
 * @throws InvalidSessionError a field is missing or not what it has to be
 */
export function createdSession(session: Session, { pendingTtlMs }: SessionLifetimes, now: number): Session {
  const created = normalized(session);
  if (created.status === 'active') return created;
  // A clock that is ahead must not make the window longer.
  return { ...created, expiresAt: Math.min(created.createdAt, now) + pendingTtlMs };
}

/**
 * A stored session with changes: `undefined` leaves a field alone, `null` clears it.
 *
 * @throws InvalidSessionError a field would not be what it has to be
 */
export function updatedSession(
  session: Session,
  data: Partial<Session>,
  { pendingTtlMs }: SessionLifetimes,
  now: number,
): Session {
  const changes = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
  const { userId, sessionId, createdAt, expiresAt } = session;
  const updated = normalized({ ...session, ...changes, userId, sessionId, createdAt, updatedAt: now });
  if (updated.status === 'active') return updated;
  // The window of a session that is pending already goes on; it does not start anew.
  const isNewlyPending = session.status !== 'pending';
  return { ...updated, expiresAt: isNewlyPending ? now + pendingTtlMs : (expiresAt ?? now + pendingTtlMs) };
}

/**
 * When a session ends unless it is used before, in milliseconds since the epoch.
 *
 * @param expiresAt the end of a pending session; absent: the session is active
 */
export function endOf(
  expiresAt: number | null | undefined,
  lastUsedAt: number,
  { dormantAfterMs }: SessionLifetimes,
): number {
  return expiresAt ?? lastUsedAt + dormantAfterMs;
}

/** The use of a session at `now` is recorded durably when the recorded one is earlier than this. */
export function oldestRecordedUse(now: number, { dormantAfterMs }: SessionLifetimes): number {
  return now - Math.min(dormantAfterMs / 10, RECORDED_USE_MS);
}

/**
 * The session with its defaults, without fields that are cleared and without `expiresAt`, which the caller works out.
 *
 * @throws InvalidSessionError a field is missing or not what it has to be
 */
function normalized(session: Session): Session {
  const { expiresAt: _, status, ...fields } = session;
  const transportType = currentTransportType(fields.transportType);
  const result: Session = { ...fields, transportType, status: status ?? 'pending' };
  for (const name of Object.keys(result) as (keyof Session)[]) {
    if (result[name] === undefined || result[name] === null) delete result[name];
  }
  for (const name of REQUIRED_TEXTS) {
    if (typeof result[name] !== 'string') throw new InvalidSessionError(`${name} must be a string`);
  }
  if (!Number.isFinite(result.createdAt)) {
    throw new InvalidSessionError('createdAt must be a number of milliseconds since the epoch');
  }
  if (transportType !== 'sse' && transportType !== 'streamable-http') {
    throw new InvalidSessionError('transportType must be "sse" or "streamable-http"');
  }
  if (result.status !== 'pending' && result.status !== 'active') {
    throw new InvalidSessionError('status must be "pending" or "active"');
  }
  return result;
}

/** Older records spell it with an underscore. */
export function currentTransportType(transportType: string): Session['transportType'] {
  return (
    transportType === 'streamable_http' ? 'streamable-http' : transportType
  ) as Session['transportType'];
}
