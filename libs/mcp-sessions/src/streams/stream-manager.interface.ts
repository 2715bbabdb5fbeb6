/**
 * The receiving end of one SSE connection. A `ReadableStreamDefaultController` fits, and so does this library's
 * own response sink.
 */
export interface StreamController {
  /** Takes bytes of SSE text. Throws when the connection is gone; the manager then lets go of it. */
  enqueue(chunk: Uint8Array): void;
  /**
   * As `enqueue`, with the bytes as a string of which each character is one byte (`latin1`): that is cheaper to join.
   * Optional; where it is there, it may be called instead of `enqueue`.
   */
  enqueueBinary?(bytes: string): void;
  /** Ends the connection. May throw if it has ended already. */
  close(): void;
  /** Bytes the connection still accepts before it counts as slow; `null` or absent if it cannot tell. */
  readonly desiredSize?: number | null;
}

/**
 * Delivers messages to the SSE stream of a session, wherever that stream is held. Each session has one main
 * stream: the GET stream of Streamable HTTP, or the one stream of HTTP+SSE.
 *
 * Rules for every implementation, checked by `streamManagerContract` of `nestjs-mcp-sessions/testing`:
 * - `create` on a session that has a stream replaces it: the older connection is closed.
 * - A controller that throws on `enqueue` is dropped, and costs the others nothing.
 * - Events of one session never reach another.
 */
export interface StreamManager {
  /** Attaches a connection as the session's main stream. */
  create(sessionId: string, controller: StreamController): Promise<void>;
  /**
   * Sends SSE text (`event: message\ndata: …\n\n`, one or more whole events) to the main streams of the
   * sessions named, or of every session when `sessionIds` is `undefined`.
   */
  send(sessionIds: string[] | undefined, data: string): Promise<void>;
  /** Ends the session's streams, on whichever instance holds them, and forgets what was kept for replay. */
  delete(sessionId: string): Promise<void>;
  /** Whether a connection is attached as the session's main stream on any instance. */
  has(sessionId: string): Promise<boolean>;
  /** Ends the streams that this instance holds. Other instances' streams go on. */
  close?(): Promise<void>;
  /**
   * Records that this instance sent the client a request and waits for its answer, for five minutes. Call it
   * before sending: a fast client may answer before `send` resolves.
   */
  registerOutboundRequest?(requestId: string | number, sessionId: string): Promise<void>;
  /**
   * Hands a client's response to the instance that asked. Resolves to `true` only if it went to another
   * instance; `false` means that it is this instance's own, or nobody's. Numeric `1` and string `"1"` differ.
   */
  forwardInboundResponse?(
    message: { id: string | number; [key: string]: unknown },
    sessionId: string,
  ): Promise<boolean>;
  /** Registers the handler for responses that other instances forward to this one. */
  onForwardedResponse?(handler: (message: unknown, sessionId: string) => void): void;
}

/** Names one stream: the session, and the stream's key inside the session. */
export interface StreamRef {
  sessionId: string;
  key: string;
}

/** The key of a session's main stream. */
export const MAIN_STREAM_KEY = 'main';

/**
 * Identifies one event for `Last-Event-ID`. Opaque text: only the manager that made it can read it. Unique
 * within its session (MCP 2025-11-25, basic/transports, Resumability and Redelivery).
 */
export type EventId = string;

/** Options of {@link ResumableStreamManager.open}. */
export interface OpenStreamOptions {
  /** The last event the client has seen: `open` replays what came after. */
  after?: EventId;
  /**
   * Called when the stream is this connection's, before anything is handed to it, with the place behind which it goes
   * on: for the priming event. Not called by a manager that keeps nothing.
   */
  onPosition?: (position: EventId) => void;
}

/**
 * A {@link StreamManager} whose streams outlive their connections: events are logged, and a new connection goes
 * on where the last one broke off. A session may have many such streams, one for each POST beside the main one.
 */
export interface ResumableStreamManager extends StreamManager {
  /**
   * Attaches a connection to the stream: closes the one that held it, replays, then follows.
   * With `after`, the replay starts behind that event; without, behind the last event that was handed to a
   * connection, so that nothing sent in between is lost. A request stream that has ended is replayed and closed.
   *
   * If events between `after` and the retained log are gone, the connection first receives the SSE comment
   * `: events-lost`, and the loss is counted.
   *
   * @throws InvalidEventIdError `after` is malformed, or belongs to another session.
   * @throws StreamLostError `after` names a request stream of which nothing is left, so that it can never end.
   */
  open(stream: StreamRef, controller: StreamController, options?: OpenStreamOptions): Promise<void>;
  /**
   * Logs one event and delivers it to the connection that holds the stream, if any. `last` ends the stream once
   * this event is delivered; the log stays for resuming, within the retention. With `last`, `data` may be empty: then
   * the stream ends behind what it has.
   */
  append(stream: StreamRef, data: string, options?: { last?: boolean }): Promise<EventId>;
  /**
   * Whether one of the stream's latest events is this one. For an `append` that was not answered: nobody knows whether it
   * has been carried out. Without this method, it may be put there twice.
   */
  hasEvent?(stream: StreamRef, data: string): Promise<boolean>;
  /**
   * Whether the last event has been appended to the stream. Without this method, a connection that ends as soon as it was
   * attached is taken for word of that.
   */
  hasEnded?(stream: StreamRef): Promise<boolean>;
  /**
   * As `delete`, but leaves alone the streams of requests that another instance opened and has not ended, while a client is
   * connected to them: that instance answers there, and deletes what is left. For a manager that reaches many instances.
   *
   * @returns whether there are such streams
   */
  deleteAnswered?(sessionId: string): Promise<boolean>;
  /** The id of the last event before those that the next `open` without `after` delivers. For the priming event. */
  position(stream: StreamRef): Promise<EventId>;
  /** The stream that `eventId` belongs to. @throws InvalidEventIdError as `open`. */
  streamOf(sessionId: string, eventId: EventId): StreamRef;
  /**
   * Lets a connection go; the stream and its log stay. With `controller`, only if that one still holds the
   * stream: this is what to call when a client hung up. Without, whichever connection holds it is closed, and the
   * client resumes.
   */
  release(stream: StreamRef, controller?: StreamController): Promise<void>;
}

/**
 * Lets the instances of one cluster tell each other what has happened to a session: that it has ended, or changed. A
 * manager for many instances has this beside its other methods.
 */
export interface SessionSignals {
  /** Hands a JSON value to every other instance. Whether one that is cut off for the moment gets it later, the manager says. */
  signal(sessionId: string, value: unknown): Promise<void>;
  /** Registers the handler for what other instances say. */
  onSignal(handler: (sessionId: string, value: unknown) => void): void;
  /** Registers a handler that is called when signals may have been missed. */
  onSignalsMissed(handler: () => void): void;
}

/** Whether a manager has {@link SessionSignals}. */
export function hasSignals(manager: object): manager is SessionSignals {
  const methods: (keyof SessionSignals)[] = ['signal', 'onSignal', 'onSignalsMissed'];
  return methods.every((method) => typeof (manager as Partial<SessionSignals>)[method] === 'function');
}

/** How much of each stream is kept for resuming. */
export interface ReplayOptions {
  /** Events kept per stream. Default 256. */
  maxEvents?: number;
  /** How long an event is kept, in milliseconds. Default 600,000 (ten minutes). */
  maxAgeMs?: number;
}

/** Whether a manager offers the second contract. */
export function isResumable(manager: StreamManager): manager is ResumableStreamManager {
  const methods: (keyof ResumableStreamManager)[] = ['open', 'append', 'position', 'streamOf', 'release'];
  return methods.every(
    (method) => typeof (manager as Partial<ResumableStreamManager>)[method] === 'function',
  );
}
