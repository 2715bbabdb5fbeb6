/** One key that encrypts credentials. */
export interface EncryptionKey {
  /** Stands beside what the key encrypted: up to 32 letters, digits, `-`, `_` and `.`. */
  id: string;
  /** 32 bytes. */
  key: Uint8Array;
}

/** Options that all backends of the sessions repository take. */
export interface SessionsOptions {
  /** How long a user may take to authorize a connection, in milliseconds. Default 600,000 (10 minutes). */
  pendingTtlMs?: number;
  /** How long an active session is kept without being used, in milliseconds. Default 2,592,000,000 (30 days). */
  dormantAfterMs?: number;
  /**
   * Keys for credentials at rest, as a list or as text, `id:base64of32bytes[,id:base64of32bytes…]`. The first one
   * encrypts, all decrypt. Default: what `MCP_SESSIONS_ENCRYPTION_KEYS` says. `[]`: no encryption.
   */
  encryptionKeys?: string | readonly EncryptionKey[];
  /** How long `withLock` waits for its turn, in milliseconds. Default 30,000. */
  lockWaitMs?: number;
  /** The clock, in milliseconds since the epoch, for tests. Default: `Date.now`. */
  now?: () => number;
}
