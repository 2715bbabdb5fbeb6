/** Something that happened to a session on this instance. */
export interface SessionLifecycleEvent {
  /**
   * - `created`: a client opened the session here.
   * - `resumed`: this instance took up a session from its metadata, after a restart, from another instance, or
   *   because its idle server object had been dropped.
   * - `ended`: the client, the application or, over HTTP+SSE, the end of the connection ended it.
   * - `expired`: it had not been used for the idle timeout.
   */
  type: 'created' | 'resumed' | 'ended' | 'expired';
  /** A credential: keep it out of logs. */
  sessionId: string;
}
