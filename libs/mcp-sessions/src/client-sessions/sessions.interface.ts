/** `pending`: the user is still to authorize the connection; `active`: connected. */
export type SessionStatus = 'pending' | 'active';

/**
 * One connection of a user to an MCP server, with its OAuth state: plain data that JSON can carry. `null` in an
 * optional field clears it, so that it is absent when the session is read.
 */
export interface Session {
  /** Names the session among those of its user. See {@link Sessions.generateSessionId}. */
  sessionId: string;
  /** Whose connection it is. The same session id under two users is two sessions. */
  userId: string;
  /** The application's own id of the server. */
  serverId?: string;
  /** The server's name for people. */
  serverName?: string;
  /** The server's MCP endpoint. */
  serverUrl: string;
  /** Where the authorization server sends the user back to. */
  callbackUrl: string;
  transportType: 'sse' | 'streamable-http';
  /** Default `pending`. */
  status?: SessionStatus;
  /** When the session was made, in milliseconds since the epoch, from 0 to 8.64e15 as a `Date` has them. */
  createdAt: number;
  /** When it was last updated, in milliseconds since the epoch. Set by the backend. */
  updatedAt?: number;
  /**
   * When a pending session ends, in milliseconds since the epoch; absent from an active one. Set by the backend:
   * what the caller gives is ignored.
   */
  expiresAt?: number | null;
  /** Headers that go with every request to the server. Encrypted at rest. */
  headers?: Record<string, string>;
  /** Where the user authorizes a pending connection. */
  authUrl?: string | null;
  /** The application's own data. */
  metadata?: Record<string, string>;
  /** The client's registration with the authorization server. Encrypted at rest. */
  clientInformation?: object | null;
  /** The OAuth tokens. Encrypted at rest. */
  tokens?: object | null;
  /** The PKCE code verifier of an authorization under way. Encrypted at rest. */
  codeVerifier?: string | null;
  clientId?: string | null;
  /** The `state` parameter of an authorization under way. Encrypted at rest. */
  oauthState?: object | null;
  /** What is known of the server's authorization server. Encrypted at rest. */
  discoveryState?: object | null;
}

/**
 * Keeps the connections of an application's users to MCP servers.
 *
 * Rules for every implementation, checked by `sessionsContract` of `nestjs-mcp-sessions/testing`:
 * - User and session ids are arbitrary strings that never collide. No user reaches another's session.
 * - A pending session ends some time after it became pending, an active one some time after it was last used. An
 *   ended session does not exist for any method, whether or not cleanup has come by.
 * - What comes in is copied, and what goes out is a copy.
 * - A storage that cannot be reached rejects; it never says "absent".
 */
export interface Sessions {
  /** An id that nobody can guess and no other session has, of letters, digits, `-` and `_`. */
  generateSessionId(): string;
  /**
   * Stores a new session. It is durable when this resolves, on backends that survive the process.
   *
   * @throws SessionAlreadyExistsError the user has a session of this id
   * @throws InvalidSessionError a field is missing or not what it has to be
   */
  create(session: Session): Promise<void>;
  /**
   * Changes fields of a session, atomically: `undefined` leaves a field alone, `null` clears an optional one.
   * `userId`, `sessionId` and `createdAt` never change. Counts as use.
   *
   * @throws SessionNotFoundError there is no such session; nothing was written
   * @throws InvalidSessionError a field would not be what it has to be
   */
  update(userId: string, sessionId: string, data: Partial<Session>): Promise<void>;
  /** The session, or `null` if there is none. Counts as use. */
  get(userId: string, sessionId: string): Promise<Session | null>;
  /** All sessions of the user. Counts as use of each. */
  list(userId: string): Promise<Session[]>;
  /** The ids of the user's sessions. */
  listIds(userId: string): Promise<string[]>;
  /** Removes a session. Resolves also when there is none. */
  delete(userId: string, sessionId: string): Promise<void>;
  /** The session ids of all users, for administration. An id that two users have is in it twice. */
  listAllIds(): Promise<string[]>;
  /** Removes all sessions of all users, for administration. */
  clearAll(): Promise<void>;
  /** Frees what ended sessions still occupy. Costs by what has ended; safe on many instances at once. */
  cleanupExpired(): Promise<void>;
  /**
   * Lets go of files and connections that the backend itself opened, having finished what is under way. The next
   * call of any method opens them again.
   */
  disconnect(): Promise<void>;
  /**
   * Runs `work` while no other caller of `withLock` runs any for this session, and answers what it answers. `work`
   * gets the session as it is when its turn has come. Other methods do not wait for the lock. Counts as use.
   *
   * @throws SessionNotFoundError there is no such session
   * @throws SessionLockedError the turn has not come in time
   */
  withLock<T>(userId: string, sessionId: string, work: (session: Session) => Promise<T>): Promise<T>;
}
