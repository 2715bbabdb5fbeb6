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

/** The last time that a `Date` can be. */
const LATEST_TIME_MS = 8.64e15;

/** What a field has to be. */
interface FieldRule {
  mustBe: string;
  allows: (value: unknown) => boolean;
}

const TEXT: FieldRule = { mustBe: 'a string', allows: (value) => typeof value === 'string' };

const TIME: FieldRule = {
  mustBe: `a number of milliseconds since the epoch, from 0 to ${LATEST_TIME_MS}`,
  allows: (value) => typeof value === 'number' && value >= 0 && value <= LATEST_TIME_MS,
};

function oneOf(...values: string[]): FieldRule {
  return { mustBe: `"${values.join('" or "')}"`, allows: (value) => values.includes(value as string) };
}

/** The fields that every session has. */
const REQUIRED_FIELDS = Object.entries({
  sessionId: TEXT,
  userId: TEXT,
  serverUrl: TEXT,
  callbackUrl: TEXT,
  createdAt: TIME,
  transportType: oneOf('sse', 'streamable-http'),
  status: oneOf('pending', 'active'),
} satisfies Partial<Record<keyof Session, FieldRule>>) as [keyof Session, FieldRule][];

/** What a caller cannot set by an update: the first three never change, the others are the backend's. */
type FixedField = 'userId' | 'sessionId' | 'createdAt' | 'updatedAt' | 'expiresAt';

const FIXED_FIELDS: ReadonlySet<string> = new Set<FixedField>([
  'userId',
  'sessionId',
  'createdAt',
  'updatedAt',
  'expiresAt',
]);

/** What an update changes: each field has a new value, or `null` if it is cleared. */
export type SessionChanges = Omit<Partial<Session>, FixedField>;

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
 * What an update may change: of `data` neither what is `undefined` nor what a caller cannot set.
 *
 * @throws InvalidSessionError a field would not be what it has to be
 */
export function changesOf(data: Partial<Session>): SessionChanges {
  const given = Object.entries(data).filter(
    ([name, value]) => value !== undefined && !FIXED_FIELDS.has(name),
  );
  const changes: SessionChanges = Object.fromEntries(given);
  if ('status' in changes) changes.status ??= 'pending';
  if ('transportType' in changes) changes.transportType = currentTransportType(changes.transportType!);
  refuseInvalid(changes, (name) => name in changes);
  return changes;
}

/** A stored session with changes. `RedisStorageBackend` does the same in its script `update-sessions`. */
export function updatedSession(
  session: Session,
  changes: SessionChanges,
  { pendingTtlMs }: SessionLifetimes,
  now: number,
): Session {
  const { expiresAt, ...fields } = session;
  const updated = withoutAbsent({ ...fields, ...changes, updatedAt: now });
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
  const result = withoutAbsent({ ...fields, transportType, status: status ?? 'pending' });
  refuseInvalid(result, () => true);
  return result;
}

function withoutAbsent(session: Session): Session {
  for (const name of Object.keys(session) as (keyof Session)[]) {
    if (session[name] === undefined || session[name] === null) delete session[name];
  }
  return session;
}

function refuseInvalid(fields: Partial<Session>, isChecked: (name: keyof Session) => boolean): void {
  for (const [name, { allows, mustBe }] of REQUIRED_FIELDS) {
    if (isChecked(name) && !allows(fields[name])) throw new InvalidSessionError(`${name} must be ${mustBe}`);
  }
}

/** Older records spell it with an underscore. */
export function currentTransportType(transportType: string): Session['transportType'] {
  return (
    transportType === 'streamable_http' ? 'streamable-http' : transportType
  ) as Session['transportType'];
}
