/** Severities of log messages, least severe first (RFC 5424; MCP 2025-11-25, server/utilities/logging). */
export type LoggingLevel =
  'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical' | 'alert' | 'emergency';

/**
 * What a {@link SessionStore} keeps of a session: plain, JSON-serializable data, enough to rebuild the session
 * on any instance. Values that JSON cannot carry (functions, `undefined`, `Date` objects …) come back as JSON
 * would return them.
 */
export interface SessionMetadata {
  /** When the session was last used, in milliseconds since the epoch. */
  lastAccessedAt: number;
  /** The least severe log level the client asked for with `logging/setLevel`. */
  logLevel?: LoggingLevel;
  /** The capabilities the client declared in `initialize`. */
  clientCapabilities?: Record<string, unknown>;
  /** The client's name and version from `initialize`. */
  clientInfo?: { name: string; version: string; [key: string]: unknown };
  /** The protocol revision that was negotiated in `initialize`, such as `2025-11-25`. */
  protocolVersion?: string;
  /** The progress token of the current tool call, if the application keeps one. */
  progressToken?: string | number;
  /** URIs of the resources the client subscribed to. */
  subscriptions?: string[];
  /** Who owns the session: `${iss}|${sub}` of the access token, or what the application says. */
  principal?: string;
  /** The HTTP transport that the session was opened over. Absent means Streamable HTTP. */
  transportType?: 'streamable-http' | 'sse';
  /** The name of the module registration that the session belongs to. Absent means the unnamed one. */
  registration?: string;
  /** The application's own serializable state. */
  data?: Record<string, unknown>;
}

/** What to change about a session, made of what it is. Throws to leave it as it is. */
export type MetadataChange = (metadata: SessionMetadata) => Partial<SessionMetadata>;

/**
 * Keeps the serializable part of sessions. All methods are asynchronous, so that a store can be a database.
 *
 * Rules for every implementation, checked by `sessionStoreContract` of `nestjs-mcp-sessions/testing`:
 * - A store copies: what the caller does to an object after `set`, or to one that `get` returned, changes nothing.
 * - Session ids are arbitrary strings (`__proto__`, `a:b`, `*`, the empty string) and never collide.
 * - A session whose time to live has passed does not exist for any method.
 * - A record that cannot be read is reported and answered like an absent one, by every method alike.
 * - A store that cannot be reached rejects with {@link SessionStoreUnavailableError}; it never says "absent".
 */
export interface SessionStore {
  /** The session's metadata, or `null` if there is no such session. */
  get(sessionId: string): Promise<SessionMetadata | null>;
  /** Stores the metadata whole, replacing what was there, with the store's default lifetime. */
  set(sessionId: string, data: SessionMetadata): Promise<void>;
  /** Removes the session. Resolves also when there is none. */
  delete(sessionId: string): Promise<void>;
  /** Whether the session exists. Agrees with `get`. */
  has(sessionId: string): Promise<boolean>;
  /** All session ids. Holds all of them in memory at once: prefer `scan` where a store has it. */
  keys(): Promise<string[]>;
  /** As `set`, for `ttlMs` milliseconds from now. Any positive number of milliseconds works, also above 2³¹. */
  setWithTTL?(sessionId: string, data: SessionMetadata, ttlMs: number): Promise<void>;
  /**
   * Reads the session and keeps it alive: its lifetime starts anew, as long as the one it was stored with, and
   * `lastAccessedAt` of the answer is now. `null` if there is no such session; never creates one.
   */
  touch?(sessionId: string): Promise<SessionMetadata | null>;
  /**
   * Merges `patch` into the metadata, field by field, atomically: fields that are absent from `patch`, or
   * `undefined` in it, keep their values, even when others are being written at the same time. Keeps the
   * lifetime running as it was. Resolves to the new metadata, or to `null`, having written nothing, when
   * there is no such session.
   */
  update?(sessionId: string, patch: Partial<SessionMetadata>): Promise<SessionMetadata | null>;
  /**
   * As `update`, with a patch that `change` makes of the metadata as it is: nothing else is written between the reading
   * and the writing. `change` may be called again, also on what it has written itself, if that is what it takes.
   */
  modify?(sessionId: string, change: MetadataChange): Promise<SessionMetadata | null>;
  /** What `keys` returns, a batch at a time (`batch` ids, 1,000 by default), without holding all of them. */
  scan?(options?: { batch?: number }): AsyncIterable<string>;
  /**
   * Registers a listener for sessions that the store itself ended because their lifetime had passed. Returns
   * a function that removes the listener. Stores whose backend expires records silently leave this out.
   */
  onExpired?(listener: (sessionId: string) => unknown): () => void;
  /** Lets go of timers, files and connections that the store itself made, having written what is pending. */
  close?(): Promise<void>;
}

/** A store with all the methods that the library relies on, whatever the application's own store left out. */
export type CompleteSessionStore = SessionStore &
  Required<Pick<SessionStore, 'setWithTTL' | 'touch' | 'update' | 'modify' | 'scan'>>;
